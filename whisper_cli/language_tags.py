"""The languages that containers name, told by the codes that Whisper knows."""

import re

from whisper_cli.languages import LANGUAGES

# ISO 639-2 and 639-3, with the older codes of some languages; containers name languages by these.
_TAGS = """
af afr  am amh  ar ara arb  as asm  az aze  ba bak  be bel  bg bul  bn ben  bo bod tib  br bre
bs bos  ca cat  cs ces cze  cy cym wel  da dan  de deu ger  el ell gre  en eng  es spa  et est
eu eus baq  fa fas per  fi fin  fo fao  fr fra fre  gl glg  gu guj  ha hau  he heb iw  hi hin
hr hrv scr  ht hat  hu hun  hy hye arm  id ind in  is isl ice  it ita  ja jpn  jw jav jv
ka kat geo  kk kaz  km khm  kn kan  ko kor  la lat  lb ltz  ln lin  lo lao  lt lit  lv lav lvs
mg mlg  mi mri mao  mk mkd mac  ml mal  mn mon  mr mar  ms msa may zsm  mt mlt  my mya bur
ne nep npi  nl nld dut  nn nno  no nor nob nb  oc oci  pa pan  pl pol  ps pus  pt por
ro ron rum  ru rus  sa san  sd snd  si sin  sk slk slo  sl slv  sn sna  so som  sq sqi alb
sr srp scc  su sun  sv swe  sw swa swh  ta tam  te tel  tg tgk  th tha  tk tuk  tl tgl fil
tr tur  tt tat  uk ukr  ur urd  uz uzb  vi vie  yi yid ji  yo yor  zh zho chi cmn
"""
_CODES = {
    name: names[0]
    for names in (row.split() for line in _TAGS.splitlines() for row in line.split("  ") if row)
    for name in names
} | {code: code for code in LANGUAGES}


def code_of_tag(tag: str) -> str | None:
    """Find the code of a language tag such as ger, de or de-AT; None where Whisper has none."""
    first = re.match(r"[a-z]+", tag.strip().lower())
    return _CODES.get(first[0]) if first else None
