// A piano-like voice: two detuned strings whose overtones die first, a hammer, a little room.

const VOICES = 48;

export class Synth {
  context = null;
  voices = new Set();

  // Browsers allow sound only after a person touched the page.
  wake() {
    if (!this.context) this.build();
    if (this.context.state === "suspended") this.context.resume();
  }

  build() {
    const context = (this.context = new AudioContext({ latencyHint: "interactive" }));
    this.master = new GainNode(context, { gain: this.volume ?? 0.7 });
    const squeeze = new DynamicsCompressorNode(context, { threshold: -18, ratio: 5, attack: 0.004, release: 0.2 });
    const room = new ConvolverNode(context, { buffer: this.echo(1.6) });
    const wet = new GainNode(context, { gain: 0.16 });
    this.bus = new GainNode(context, { gain: 0.5 });
    this.bus.connect(squeeze);
    this.bus.connect(room).connect(wet).connect(squeeze);
    squeeze.connect(this.master).connect(context.destination);
    this.knock = this.noise(0.03);
    this.waves = [0.55, 0.35, 0.2].map((fall) => this.wave(fall));
  }

  wave(fall) {
    const count = 24;
    const imag = Float32Array.from({ length: count }, (_, n) => (n ? Math.exp(-fall * (n - 1)) / n ** 0.6 : 0));
    return this.context.createPeriodicWave(new Float32Array(count), imag);
  }

  noise(seconds) {
    const buffer = this.context.createBuffer(1, seconds * this.context.sampleRate, this.context.sampleRate);
    const data = buffer.getChannelData(0);
    for (let i = 0; i < data.length; i++) data[i] = (Math.random() * 2 - 1) * (1 - i / data.length) ** 3;
    return buffer;
  }

  echo(seconds) {
    const rate = this.context.sampleRate;
    const buffer = this.context.createBuffer(2, seconds * rate, rate);
    for (const side of [0, 1]) {
      const data = buffer.getChannelData(side);
      for (let i = 0; i < data.length; i++) data[i] = (Math.random() * 2 - 1) * Math.exp((-5 * i) / data.length);
    }
    return buffer;
  }

  loud(volume) {
    this.volume = volume;
    this.master?.gain.setTargetAtTime(volume, this.context.currentTime, 0.02);
  }

  // Audio time of a moment of `performance.now()`; what is past is now.
  when(milliseconds) {
    const ahead = (milliseconds - performance.now()) / 1000;
    return this.context.currentTime + Math.max(0, ahead);
  }

  // Sound a note at `milliseconds`, and end it `seconds` later, or when it is told to. Returns the voice.
  strike(pitch, velocity, milliseconds = 0, seconds = null) {
    if (this.context?.state !== "running") return null;
    while (this.voices.size >= VOICES) this.end([...this.voices][0], this.context.currentTime);
    const at = this.when(milliseconds);
    const hard = velocity / 127;
    const hertz = 440 * 2 ** ((pitch - 69) / 12);
    const level = 0.04 + 0.34 * hard ** 1.7;
    const fade = 2.6 * 2 ** (-(pitch - 40) / 22);
    const gain = new GainNode(this.context, { gain: 0 });
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(level, at + 0.004);
    gain.gain.setTargetAtTime(level * 0.45, at + 0.006, 0.09 + fade * 0.08);
    gain.gain.setTargetAtTime(0, at + 0.25, fade);
    const tone = new BiquadFilterNode(this.context, { type: "lowpass", Q: 0.4 });
    tone.frequency.setValueAtTime(Math.min(18000, hertz * (3 + 14 * hard) + 900 * hard), at);
    tone.frequency.setTargetAtTime(Math.min(12000, hertz * 2.2 + 200), at + 0.01, 0.25 + fade * 0.3);
    const sources = [-2.2, 2.2].map((detune) => {
      const string = new OscillatorNode(this.context, { frequency: hertz, detune });
      string.setPeriodicWave(this.waves[hard < 0.4 ? 0 : hard < 0.75 ? 1 : 2]);
      string.connect(tone);
      return string;
    });
    const hammer = new AudioBufferSourceNode(this.context, { buffer: this.knock, playbackRate: 0.6 + pitch / 100 });
    const force = new GainNode(this.context, { gain: 0.06 + 0.25 * hard ** 2 });
    hammer.connect(force).connect(gain);
    tone.connect(gain).connect(this.bus);
    sources.push(hammer);
    for (const source of sources) source.start(at);
    const voice = { gain, sources, ended: false };
    sources[0].onended = () => {
      gain.disconnect();
      this.voices.delete(voice);
    };
    this.voices.add(voice);
    if (seconds === null) sources.slice(0, 2).forEach((source) => source.stop(at + 12));
    else this.end(voice, at + Math.max(seconds, 0.03), false);
    return voice;
  }

  // End a voice at an audio time; `early` ends it before an end it was given.
  end(voice, at, early = true) {
    if (!voice || (voice.ended && !early)) return;
    voice.ended = true;
    voice.gain.gain.cancelAndHoldAtTime?.(at);
    voice.gain.gain.setTargetAtTime(0, at, 0.06);
    for (const source of voice.sources.slice(0, 2)) source.stop(at + 0.5);
    if (early) this.voices.delete(voice);
  }

  release(voice, milliseconds = 0) {
    if (voice) this.end(voice, this.when(milliseconds));
  }

  silence() {
    for (const voice of [...this.voices]) this.end(voice, this.context.currentTime);
  }
}
