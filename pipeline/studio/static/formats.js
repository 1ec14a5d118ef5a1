// Numbers as texts.

export const formatCount = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
export const formatSeconds = (seconds) => `${seconds.toFixed(1)} s`;
