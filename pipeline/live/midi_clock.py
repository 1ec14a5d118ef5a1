"""Follow an external MIDI clock: its tempo, and where its beats are, in spite of jitter, late and missing ticks.

A clock sends 24 ticks a quarter note. Start says that the next tick is song position 0; Song Position Pointer and
Continue set another; Stop ends it. A Continue while it plays, without a position before, changes nothing. The filter is
a second-order tracking loop: each tick corrects the predicted time by `alpha` and the period by `beta` times its error.
The gains are those of the least-squares line through the ticks since the lock (they fall as 1/n and 1/n^2) until they
reach those of a memory that fades over MEMORY_SECONDS. On a ramp the mean of the period over STEADY_SECONDS is late by
that time, so their difference is the trend that the period keeps.

- A tick that is late by MAX_ERROR periods or more: ticks before it are missing. Their number is the time since the last tick
  in periods. That period is a mean over STEADY_SECONDS as long as the tempo is steady: an error of it counts as many
  times as there are missing ticks.
- A tick that is early by MAX_ERROR periods or more is not counted: one that was counted as missing comes late, or the next
  one shows that this one was there.
- A line through the last FIT_TICKS ticks has clearly smaller errors than the filter, or JUMP_TICKS ticks in a row are
  late: the tempo jumped. The position is the number of ticks received then, as the standard has it. A silence of
  GAP_SECONDS is no tempo.
- Ticks that come in blocks, as those of JACK do, count as the next one each as long as the error can be that of a block: a
  lost tick is noticed where blocks are shorter than ticks. Where they are longer it comes exactly as a late one does, so the
  port says how long its blocks are. Otherwise blocks are noticed by ticks that come together though none was missing for
  BLOCK_SECONDS, count as the next one up to MAX_BLOCK_ERROR periods, and are over when none came together for as long.
- No tick for LOST_SECONDS: the clock is lost until the next one.

Sources: MIDI 1.0 detailed specification, system real time and system common messages. F. Adriaensen, Using a DLL to
filter time, Linux Audio Conference 2005 (the loop). E. Brookner, Tracking and Kalman filtering made easy, 1998,
sections 1.2.6 and 1.2.10 (the gains).

All times are clock times [s].
"""

import math
import threading
from collections import deque
from collections.abc import Sequence
from statistics import fmean, linear_regression
from typing import NamedTuple

SONG_POSITION, TICK, START, CONTINUE, STOP = 0xF2, 0xF8, 0xFA, 0xFB, 0xFC
TICKS_PER_BEAT = 24
"""Ticks of a quarter note."""
REFERENCE_TEMPO = 120.0
"""Quarter notes a minute of a clock, followed or sent, at which the model plays at tempo 1."""
SONG_POSITION_BYTES = 3
TICKS_PER_POSITION = 6
"""Ticks of a unit of the Song Position Pointer, a sixteenth note."""
MIN_PERIOD = 60 / (1000 * TICKS_PER_BEAT)
"""Shortest period [s]: no clock is faster than 1,000 quarter notes a minute."""
MEMORY_SECONDS = 0.2
"""Time constant of the filter [s]: longer suppresses more jitter, and follows a change of tempo later."""
STEADY_SECONDS = 1.0
"""Time constant of the mean of the period [s]."""
STEADY_CHANGE = 0.01
"""Relative difference of period and mean from which the tempo is not steady; jitter of 2 ms makes a third of it."""
MAX_ERROR = 0.65
"""Error of a tick up to which it counts as the next one [periods]; after a wrong decision the next tick corrects it."""
BLOCK_MARGIN = 0.25
"""The same of ticks in blocks of a known length, beside that length: jitter, and the error of the filter."""
MAX_BLOCK_ERROR = 3.5
"""The same of ticks in blocks that were noticed: those of 2,048 frames at 48 kHz are 2.6 periods at 180 quarter notes a minute."""
BLOCK_SECONDS = 2.0
"""Seconds without two ticks together after which they come one by one again."""
TOGETHER = 0.1
"""Time between two ticks that come together, at most [periods]."""
LOCK_TICKS = 12
"""Ticks after which the period is known well enough to notice that a tick is missing."""
JUMP_TICKS = 3
"""Late ticks in a row that mean that the tempo jumped."""
FIT_TICKS = 12
"""Ticks of the line that shows a jump of the tempo."""
COUNT_TICKS = 24
"""Ticks that are counted anew after a jump."""
JUMP_ERROR = 0.22
"""Root mean square of the errors from which a jump is possible [periods]; of errors without any order it is 0.29."""
JUMP_CHANGE = 0.1
"""Smallest relative change of the period at a jump; the filter itself follows a smaller one."""
JUMP_RATIO = 0.6
"""Largest error of the line at a jump, as a factor of that of the filter."""
GAP_SECONDS = 0.25
"""Seconds without a tick that are missing ticks and not a slower tempo: the slowest is 10 quarter notes a minute."""
LOST_SECONDS = 2.0
"""Seconds without a tick after which the clock is lost."""


class Lock(NamedTuple):
    """The state of the filter."""

    tick: int
    """Number of the last tick, missing ones counted."""
    time: float
    """Its time without jitter."""
    period: float
    """Seconds between two ticks, as the filter has it: it follows a change of tempo soon, and has more jitter."""
    mean_period: float
    """Mean of `period` over STEADY_SECONDS."""
    num_ticks: int
    """Ticks received since the lock."""

    @property
    def best_period(self) -> float:
        """The mean period if the tempo is steady, else the period."""
        difference = abs(self.mean_period - self.period)
        return self.mean_period if difference < STEADY_CHANGE * self.period else self.period

    def predict(self, steps: int) -> float:
        """Return the time of a tick that is this many ticks after the last one."""
        return self.time + steps * (self.period if steps == 1 else self.best_period)

    def predict_steps(self, time: float, max_error: float = MAX_ERROR) -> int:
        """Return how many ticks after the last one a tick at this time is; 0 for one that is too early."""
        if self.num_ticks < LOCK_TICKS:
            return 1
        periods = (time - self.time) / self.best_period
        if abs(periods - 1) < max_error:
            return 1
        return max(round(periods), 0)

    def update(self, time: float, steps: int) -> "Lock":
        """Return the state after a tick at this time, `steps` after the last one."""
        count = self.num_ticks + 1
        fading = math.exp(-self.period / MEMORY_SECONDS)
        alpha = max(2 * (2 * count - 1) / (count * (count + 1)), 1 - fading**2)
        beta = max(6 / (count * (count + 1)), (1 - fading) ** 2)
        predicted = self.predict(steps)
        error = time - predicted
        trend = steps * self.period * (self.period - self.mean_period) / STEADY_SECONDS
        period = max(self.period + beta * error / steps + trend, MIN_PERIOD)
        gain = max(1 / (count - 1), 1 - math.exp(-period / STEADY_SECONDS))
        mean_period = self.mean_period + gain * (period - self.mean_period)
        return Lock(self.tick + steps, predicted + alpha * error, period, mean_period, count)


class ReceivedTick(NamedTuple):
    """A tick after the lock."""

    time: float
    tick: int
    """Number of the last tick that was counted."""
    error: float
    """Time after the predicted one [periods]."""


class MidiClock:
    """An external clock; one thread feeds it and others may ask.

    Ports that do not say so may have blocks too, so the clock notices them itself: Bluetooth MIDI is delivered once a
    connection interval, 15 ms at most, and a program may send the ticks of an audio buffer at once to any port, also to
    one of ALSA that a2jmidid connects to JACK. OSC carries no clock.
    """

    def __init__(self, block_seconds: float = 0.0) -> None:
        """Start without a tick; a clock that sends no Start has its first tick at song position 0.

        Args:
            block_seconds: time [s] that its port collects messages before it hands them over; 0 if it does not.
        """
        self.block_seconds = block_seconds
        self.mutex = threading.Lock()
        self.lock: Lock | None = None
        self.origin = 0
        """Number of the tick of song position 0."""
        self.resume_position = 0
        """Song position of the next tick after Continue [ticks]."""
        self.is_stopped = False
        """Whether Stop was received and no tick after a Start or Continue."""
        self.is_starting = False
        """Whether the next tick is at `resume_position`: the first after Start, Continue or a position while it plays."""
        self.num_missing = 0
        """Ticks counted as missing since the last tick that came when it was expected."""
        self.last_tick = -math.inf
        """When the last tick was received."""
        self.last_block = -math.inf
        """When two ticks came together last, though none was missing before."""
        self.last_missing = -math.inf
        """When ticks were counted as missing last."""
        self.num_late = 0
        """Ticks in a row that came MAX_ERROR periods or more too late."""
        self.recent_ticks: deque[ReceivedTick] = deque(maxlen=COUNT_TICKS)
        """Ticks since the lock or the last silence, without those that were counted as missing before."""

    def handle_message(self, time: float, message: Sequence[int]) -> None:
        """Follow one message; those that are not of a clock are ignored.

        Args:
            time: when it was received; not before the last one.
            message: its bytes.
        """
        with self.mutex:
            status = message[0]
            if status == TICK:
                self._handle_tick(time)
            elif status == START:
                self.resume_position = 0
                self.is_starting = True
            elif status == CONTINUE:
                self.is_starting = self.is_starting or self.is_stopped
            elif status == STOP:
                self._stop()
            elif status == SONG_POSITION and len(message) == SONG_POSITION_BYTES:
                self.resume_position = TICKS_PER_POSITION * (message[1] + 128 * message[2])
                self.is_starting = self.is_starting or not self.is_stopped

    def beats_per_minute(self, time: float) -> float | None:
        """Return the tempo in quarter notes a minute; None if the clock is lost or not locked yet."""
        with self.mutex:
            lock = self._lock_at(time)
            return 60 / (lock.best_period * TICKS_PER_BEAT) if lock else None

    def song_position(self, time: float) -> float | None:
        """Return the song position [ticks]; None if the clock is lost, not locked yet or stopped."""
        with self.mutex:
            return self._song_position(time)

    def next_multiple(self, time: float, num_ticks: int) -> float | None:
        """Return when the next song position is due that is a multiple of `num_ticks`; None as `song_position`."""
        with self.mutex:
            position = self._song_position(time)
            if position is None or self.lock is None:
                return None
            ticks_until = math.ceil(position / num_ticks) * num_ticks - position
            return time + ticks_until * self.lock.best_period

    def _song_position(self, time: float) -> float | None:
        """Return the song position [ticks]; see `song_position`."""
        lock = None if self.is_stopped else self._lock_at(time)
        if lock is None:
            return None
        return lock.tick - self.origin + (time - lock.time) / lock.best_period

    def _lock_at(self, time: float) -> Lock | None:
        """Return the state of the filter if it can be trusted at this time."""
        lock = self.lock
        is_usable = lock and lock.num_ticks >= LOCK_TICKS and time - lock.time < LOST_SECONDS
        return lock if is_usable else None

    def _stop(self) -> None:
        """Keep where the song stopped; nothing changes if it was stopped already."""
        if self.lock and not self.is_stopped and not self.is_starting:
            self.resume_position = self.lock.tick + 1 - self.origin
        self.is_stopped = True
        self.is_starting = False

    def _handle_tick(self, time: float) -> None:
        """Follow a tick, and start the song with it if a Start came before."""
        lock = self.lock
        is_together = lock is not None and time - self.last_tick < TOGETHER * lock.best_period
        self.last_tick = time
        if lock is None:
            self._relock(time, 0)
        elif time - lock.time >= LOST_SECONDS:
            self._relock(time, lock.tick + 1)
        else:
            self._follow_tick(time, lock, self._predict_steps(time, lock, is_together))
        if self.is_starting and self.lock:
            self.origin = self.lock.tick - self.resume_position
            self.is_starting = False
            self.is_stopped = False

    def _predict_steps(self, time: float, lock: Lock, is_together: bool) -> int:
        """Return how many ticks after the last one a tick is, which may come together with it; 0 for one that is too early."""
        if is_together and time - self.last_missing > BLOCK_SECONDS:
            self.last_block = time
        steps = 0 if is_together else lock.predict_steps(time)
        is_late_tick = steps == 0 and self.num_missing > 0
        if self.block_seconds:
            max_error = max(MAX_ERROR, self.block_seconds / lock.best_period + BLOCK_MARGIN)
        elif time - self.last_block < BLOCK_SECONDS:
            max_error = MAX_BLOCK_ERROR
        else:
            return steps
        return steps if is_late_tick else lock.predict_steps(time, max_error)

    def _follow_tick(self, time: float, lock: Lock, steps: int) -> None:
        """Follow a tick that is `steps` after the last one."""
        if self.is_starting and steps != 1:
            self._relock(time, lock.tick + 1)
        elif lock.num_ticks < LOCK_TICKS:
            self.lock = lock.update(time, 1)
        elif steps == 0 and self.num_missing:
            self.num_missing -= 1  # it was only late
            self.num_late = 0
        else:
            self._count_tick(time, lock, steps)

    def _count_tick(self, time: float, lock: Lock, steps: int) -> None:
        """Count a tick and those before it that are missing, and look for a jump of the tempo."""
        is_after_gap = time - lock.time >= GAP_SECONDS
        if steps == 1 or is_after_gap:
            self.num_missing = self.num_late = 0
        if is_after_gap:
            self.recent_ticks.clear()
        if steps > 1:
            self.last_missing = time
            self.num_missing += steps - 1
            self.num_late += not is_after_gap
        updated = lock.update(time, steps) if steps else lock
        error = (time - lock.predict(steps)) / lock.best_period
        self.lock = updated
        self.recent_ticks.append(ReceivedTick(time, updated.tick, error))
        if self.num_late >= JUMP_TICKS:
            self._relock(time, updated.tick - self.num_missing)
        elif len(self.recent_ticks) >= FIT_TICKS:
            self._follow_jump(updated)

    def _follow_jump(self, lock: Lock) -> None:
        """Lock the clock to the line through the last ticks if it is the better explanation of them."""
        ticks = list(self.recent_ticks)[-FIT_TICKS:]
        filter_error = math.sqrt(fmean(tick.error**2 for tick in ticks))
        if filter_error < JUMP_ERROR:
            return
        period, first_time = linear_regression(range(FIT_TICKS), [tick.time for tick in ticks])
        if abs(period - lock.period) < JUMP_CHANGE * lock.period:
            return
        line = [first_time + period * number for number in range(FIT_TICKS)]
        squares = [(tick.time - time) ** 2 for tick, time in zip(ticks, line, strict=True)]
        line_error = math.sqrt(fmean(squares)) / lock.best_period
        if line_error < JUMP_RATIO * filter_error:
            tick = self.recent_ticks[0].tick + len(self.recent_ticks) - 1
            self._relock(line[-1], tick, max(period, MIN_PERIOD), LOCK_TICKS)

    def _relock(self, time: float, tick: int, period: float = MIN_PERIOD, count: int = 1) -> None:
        """Forget all ticks before this one, but not how many they were."""
        self.lock = Lock(tick, time, period, period, count)
        self.num_missing = self.num_late = 0
        self.recent_ticks.clear()
