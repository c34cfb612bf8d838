// The value of an element, and the values of all inputs of a form.
export function valueOf(element) {
  switch (element.dataset.value) {
    case "one":
      return element.matches("select") ? element.value : element.querySelector(":checked")?.value ?? "";
    case "several":
      return [...element.querySelectorAll(":checked")].map((box) => box.value);
    case "offered":
      return element.dataset.kept;
    default:
      return element.value;
  }
}

export function valuesIn(form) {
  const values = {};
  for (const input of form.querySelectorAll("[data-input]")) {
    const element = input.querySelector("[data-value]");
    if (element) values[input.dataset.input] = valueOf(element);
  }
  return values;
}
