// The exact 95 % interval of a share, as Clopper and Pearson (1934) define it: the shares that neither tail excludes.
const TAIL = 0.025;
const HALVINGS = 60;

// Probability of at least so many successes of a count.
function computeTail(atLeast, count, share) {
  let logChoose = 0;
  let total = 0;
  for (let number = 0; number <= count; number++) {
    if (number > 0) logChoose += Math.log(count - number + 1) - Math.log(number);
    if (number >= atLeast) total += Math.exp(logChoose + number * Math.log(share) + (count - number) * Math.log1p(-share));
  }
  return total;
}

// The share from which on the tail is likelier than a fortieth.
function findShare(atLeast, count) {
  let [low, high] = [0, 1];
  for (let k = 0; k < HALVINGS && low < (low + high) / 2 && (low + high) / 2 < high; k++) {
    const middle = (low + high) / 2;
    if (computeTail(atLeast, count, middle) > TAIL) high = middle;
    else low = middle;
  }
  return (low + high) / 2;
}

function computeExactInterval(right, count) {
  const low = right > 0 ? findShare(right, count) : 0;
  const high = right < count ? 1 - findShare(count - right, count) : 1;
  return [low, high];
}
