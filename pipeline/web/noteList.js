// Notes come as one list, four numbers a note: hundredths of a second since the note before, held, pitch, velocity.
function notesOf(flat) {
  const notes = [];
  let onset = 0;
  for (let k = 0; k < flat.length; k += 4) {
    onset += flat[k];
    notes.push({ onset: onset / 100, held: flat[k + 1] / 100, pitch: flat[k + 2], velocity: flat[k + 3] });
  }
  return notes;
}
