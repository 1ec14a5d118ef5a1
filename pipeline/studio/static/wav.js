// Renders a take as a WAV file with the synth of the page.

import { Synth } from "/web/synth.js";

const SAMPLE_RATE = 44100;
const CHANNELS = 2;
const SAMPLE_BYTES = 2;
const HEADER_BYTES = 44;
const MAX_SECONDS = 600; // 106 MB
const TAIL_SECONDS = 2; // of strings and room after the last note
const CHUNK_SECONDS = 5; // of notes that are handed to the synth at once: it renders also what does not sound yet
const CHUNK_MARGIN_SECONDS = 0.1; // a browser stops only between blocks of samples

// Return a WAV file [Blob] of notes { pitch, velocity, onset, duration } in order of time, 16 bits, stereo.
export async function renderWav(notes) {
  const seconds = Math.max(...notes.map((note) => note.onset + note.duration)) + TAIL_SECONDS;
  if (seconds > MAX_SECONDS) throw new Error(`the take lasts ${Math.round(seconds)} s; a WAV file has at most ${MAX_SECONDS} s: download MIDI`);
  const context = new OfflineAudioContext(CHANNELS, Math.ceil(seconds * SAMPLE_RATE), SAMPLE_RATE);
  const synth = new Synth();
  synth.maxVoices = Infinity; // time does not pass before the notes are rendered
  synth.build(context);
  scheduleNotes(context, synth, notes, seconds);
  const buffer = await context.startRendering();
  return encodeWav([...Array(CHANNELS).keys()].map((channel) => buffer.getChannelData(channel)));
}

function scheduleNotes(context, synth, notes, seconds) {
  for (let start = 0; start < seconds; start += CHUNK_SECONDS) {
    const chunk = notes.filter(({ onset }) => onset >= start && onset < start + CHUNK_SECONDS);
    const play = () => chunk.forEach((note) => playNote(synth, note));
    if (start === 0 || !context.suspend) play(); // Firefox has no `suspend`
    else context.suspend(start - CHUNK_MARGIN_SECONDS).then(() => {
      play();
      return context.resume();
    });
  }
}

function playNote(synth, { pitch, velocity, onset, duration }) {
  synth.noteOn(pitch, velocity, { time: onset, duration });
}

// Source: Multimedia Programming Interface and Data Specifications 1.0, IBM and Microsoft, 1991.
function encodeWav(channels) {
  const length = channels[0].length;
  const dataBytes = length * channels.length * SAMPLE_BYTES;
  const view = new DataView(new ArrayBuffer(HEADER_BYTES + dataBytes));
  writeHeader(view, channels.length, dataBytes);
  let offset = HEADER_BYTES;
  for (let index = 0; index < length; index++) {
    for (const samples of channels) {
      const sample = Math.max(-1, Math.min(1, samples[index]));
      view.setInt16(offset, Math.round(sample * 32767), true);
      offset += SAMPLE_BYTES;
    }
  }
  return new Blob([view.buffer], { type: "audio/wav" });
}

function writeHeader(view, channelCount, dataBytes) {
  const frameBytes = channelCount * SAMPLE_BYTES;
  const writeText = (offset, text) => [...text].forEach((letter, index) => view.setUint8(offset + index, letter.charCodeAt(0)));
  writeText(0, "RIFF");
  view.setUint32(4, HEADER_BYTES - 8 + dataBytes, true);
  writeText(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // bytes of the format
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, channelCount, true);
  view.setUint32(24, SAMPLE_RATE, true);
  view.setUint32(28, SAMPLE_RATE * frameBytes, true);
  view.setUint16(32, frameBytes, true);
  view.setUint16(34, 8 * SAMPLE_BYTES, true);
  writeText(36, "data");
  view.setUint32(40, dataBytes, true);
}
