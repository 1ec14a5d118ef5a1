// Letters choose in a list and are text in a field; everywhere else they play. So lists and fields give up the focus.

// After a choice by pointer, leave a list; a choice by keyboard may go on.
export function leaveAfterChoice(select) {
  select.addEventListener("pointerdown", () => (select.dataset.hand = "yes"));
  select.addEventListener("change", () => select.dataset.hand && select.blur());
  select.addEventListener("keydown", () => delete select.dataset.hand);
}

export function leaveAfterEnter(field) {
  field.addEventListener("keydown", ({ code }) => code === "Enter" && field.blur());
}
