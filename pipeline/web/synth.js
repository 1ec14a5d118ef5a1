// A voice like a piano: two detuned strings whose overtones decay first, the noise of a hammer, and a small room.
// The studio imports this file as a module; the report contains its text. All times are of the audio clock, in seconds.

const ATTACK_SECONDS = 0.004;
const RELEASE_SECONDS = 0.06; // time constant
const TAIL_SECONDS = 0.5; // after the release the oscillators stop
const LONGEST_SECONDS = 12; // of a note without an end
const HARMONICS = 24;
const DETUNE_CENTS = 2.2;

export class Synth {
  context = null;
  voices = new Set();
  maxVoices = 48;
  volume = 0.85;

  // Browsers allow sound only after a person used the page: call this in a handler of a click or a key.
  start() {
    if (!this.context) this.build();
    if (this.context.state === "suspended") this.context.resume();
  }

  get isRunning() {
    return this.context?.state === "running";
  }

  get now() {
    return this.context.currentTime;
  }

  build(context = new AudioContext({ latencyHint: "interactive" })) {
    this.context = context;
    this.master = new GainNode(context, { gain: this.volume ** 2 });
    const compressor = new DynamicsCompressorNode(context, { threshold: -18, ratio: 5, attack: 0.004, release: 0.2 });
    const reverb = new ConvolverNode(context, { buffer: this.makeImpulseResponse(1.6) });
    const reverbLevel = new GainNode(context, { gain: 0.16 });
    this.bus = new GainNode(context, { gain: 0.5 });
    this.bus.connect(compressor);
    this.bus.connect(reverb).connect(reverbLevel).connect(compressor);
    compressor.connect(this.master).connect(context.destination);
    this.hammerNoise = this.makeHammerNoise(0.03);
    // From soft to hard: the harder a string is struck, the stronger its overtones.
    this.waves = [0.55, 0.35, 0.2].map((decay) => this.makeWave(decay));
  }

  makeWave(decay) {
    const amplitude = (_, n) => (n ? Math.exp(-decay * (n - 1)) / n ** 0.6 : 0);
    const imag = Float32Array.from({ length: HARMONICS }, amplitude);
    return this.context.createPeriodicWave(new Float32Array(HARMONICS), imag);
  }

  makeHammerNoise(seconds) {
    const rate = this.context.sampleRate;
    const buffer = this.context.createBuffer(1, seconds * rate, rate);
    fillWithNoise(buffer.getChannelData(0), (share) => (1 - share) ** 3);
    return buffer;
  }

  makeImpulseResponse(seconds) {
    const rate = this.context.sampleRate;
    const buffer = this.context.createBuffer(2, seconds * rate, rate);
    for (const channel of [0, 1]) fillWithNoise(buffer.getChannelData(channel), (share) => Math.exp(-5 * share));
    return buffer;
  }

  // Set the volume, 0 to 1; the gain is its square, which the ear hears as even steps.
  setVolume(volume) {
    this.volume = volume;
    this.master?.gain.setValueAtTime(volume ** 2, this.now);
  }

  // Return the audio time of a moment of `performance.now()` [ms]; the present, if that is past.
  audioTime(milliseconds) {
    const seconds = (milliseconds - performance.now()) / 1000;
    return this.now + Math.max(0, seconds);
  }

  // Start a note at a time, and end it after a duration, or at `noteOff`. Return its voice; null, before `start`.
  noteOn(pitch, velocity, { time = this.context?.currentTime, duration = null, performer = null } = {}) {
    if (!this.context) return null;
    while (this.voices.size >= this.maxVoices) this.endVoice(this.voices.values().next().value, this.now);
    const force = velocity / 127;
    const frequency = 440 * 2 ** ((pitch - 69) / 12);
    const decay = 2.6 * 2 ** (-(pitch - 40) / 22); // time constant [s]: low strings sound longer
    const gain = this.makeEnvelope(time, force, decay);
    const filter = this.makeFilter(time, force, decay, frequency);
    const strings = [-DETUNE_CENTS, DETUNE_CENTS].map((detune) => this.makeString(frequency, detune, force, filter));
    const hammer = this.makeHammer(pitch, force, gain);
    filter.connect(gain).connect(this.bus);
    for (const source of [...strings, hammer]) source.start(time);
    const voice = { gain, strings, hammer, performer, start: time };
    strings[0].onended = () => {
      gain.disconnect();
      this.voices.delete(voice);
    };
    this.voices.add(voice);
    if (duration === null) strings.forEach((string) => string.stop(time + LONGEST_SECONDS));
    else this.release(voice, time + Math.max(duration, 0.03));
    return voice;
  }

  makeEnvelope(time, force, decay) {
    const level = 0.04 + 0.34 * force ** 1.7;
    const node = new GainNode(this.context, { gain: 0 });
    node.gain.setValueAtTime(0, time);
    node.gain.linearRampToValueAtTime(level, time + ATTACK_SECONDS);
    node.gain.setTargetAtTime(level * 0.45, time + 0.006, 0.09 + decay * 0.08);
    node.gain.setTargetAtTime(0, time + 0.25, decay);
    return node;
  }

  makeFilter(time, force, decay, frequency) {
    const filter = new BiquadFilterNode(this.context, { type: "lowpass", Q: 0.4 });
    filter.frequency.setValueAtTime(Math.min(18000, frequency * (3 + 14 * force) + 900 * force), time);
    filter.frequency.setTargetAtTime(Math.min(12000, frequency * 2.2 + 200), time + 0.01, 0.25 + decay * 0.3);
    return filter;
  }

  makeString(frequency, detune, force, filter) {
    const string = new OscillatorNode(this.context, { frequency, detune });
    string.setPeriodicWave(this.waves[force < 0.4 ? 0 : force < 0.75 ? 1 : 2]);
    string.connect(filter);
    return string;
  }

  makeHammer(pitch, force, gain) {
    const hammer = new AudioBufferSourceNode(this.context, { buffer: this.hammerNoise, playbackRate: 0.6 + pitch / 100 });
    const level = new GainNode(this.context, { gain: 0.06 + 0.25 * force ** 2 });
    hammer.connect(level).connect(gain);
    return hammer;
  }

  // End a note at a time, also one that has an end already.
  noteOff(voice, time = this.context?.currentTime) {
    if (voice && this.voices.has(voice)) this.endVoice(voice, time);
  }

  // Let a note end at a time; until then `stopAll` can still end it.
  endAt(voice, time) {
    if (this.voices.has(voice)) this.release(voice, time);
  }

  endVoice(voice, time) {
    this.voices.delete(voice);
    if (voice.start > time) for (const source of [...voice.strings, voice.hammer]) source.stop(); // it never sounds
    else this.release(voice, time);
  }

  release(voice, time) {
    const gain = voice.gain.gain;
    if (gain.cancelAndHoldAtTime) gain.cancelAndHoldAtTime(time);
    else gain.cancelScheduledValues(time); // Firefox
    gain.setTargetAtTime(0, time, RELEASE_SECONDS);
    for (const string of voice.strings) string.stop(time + TAIL_SECONDS);
  }

  // End all notes, of one performer or of all, and those that were to come.
  stopAll(performer = null) {
    for (const voice of [...this.voices]) if (performer === null || voice.performer === performer) this.endVoice(voice, this.now);
  }
}

function fillWithNoise(samples, envelope) {
  for (let i = 0; i < samples.length; i++) samples[i] = (Math.random() * 2 - 1) * envelope(i / samples.length);
}
