/* Text while somebody speaks: the microphone goes to /v1/realtime, what it says to `said`. */
export async function live(sound, { key, model, language }, said) {
  const context = new AudioContext({ sampleRate: 24000 });
  await context.audioWorklet.addModule("/page/microphone.js");
  const protocols = key ? ["realtime", `openai-insecure-api-key.${key}`] : ["realtime"];
  const line = new WebSocket(`${location.origin.replace("http", "ws")}/v1/realtime?intent=transcription`, protocols);
  const tell = (event) => { if (line.readyState === WebSocket.OPEN) line.send(JSON.stringify(event)); };
  line.onopen = () => tell({
    type: "session.update",
    session: { type: "transcription", audio: { input: { transcription: { model, ...(language && { language }) } } } },
  });
  line.onmessage = ({ data }) => {
    const event = JSON.parse(data);
    if (event.type.endsWith(".delta")) said(event.delta);
    else if (event.type.endsWith(".completed")) said("\n");
  };
  const microphone = new AudioWorkletNode(context, "microphone");
  microphone.port.onmessage = ({ data }) => {
    const bytes = new Uint8Array(data.buffer);
    tell({ type: "input_audio_buffer.append", audio: btoa(String.fromCharCode(...bytes)) });
  };
  context.createMediaStreamSource(sound).connect(microphone).connect(context.destination);
  await context.resume();
  return () => { line.close(); context.close(); };
}
