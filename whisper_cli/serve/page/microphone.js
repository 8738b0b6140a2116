/* Runs beside the page: gives the microphone's samples as 16-bit PCM, a tenth of a second each. */
class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.held = new Int16Array(2400);
    this.count = 0;
  }

  process([[samples]]) {
    for (const value of samples ?? []) {
      this.held[this.count] = Math.max(-1, Math.min(1, value)) * 32767;
      this.count += 1;
      if (this.count === this.held.length) {
        this.port.postMessage(this.held.slice());
        this.count = 0;
      }
    }
    return true;
  }
}

registerProcessor("microphone", Microphone);
