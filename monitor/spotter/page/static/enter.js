// The door: a code lets in who has no session yet. Loaded when somebody has none.

import { post } from "./server.js";
import { el, text } from "./show.js";
import { REFUSALS } from "./words.js";

const WORDS = {
  enter_title: "Who are you?",
  enter_text: "Enter your code: the one written on the card, or the one that this shows on the device: rearguard page pair YOUR-NAME",
  enter_code: "Code",
  enter: "Enter",
};

export function askCode(main, entered, trouble) {
  if (main.querySelector(".enter")) return text(main.querySelector(".error"), trouble);
  const error = el("p", { class: "error" }, trouble);
  error.setAttribute("role", "alert");
  const input = el("input", { id: "code", autocomplete: "one-time-code", autocapitalize: "none", spellcheck: false, maxLength: 32, required: true });
  const form = el("form", { class: "enter" }, el("h1", {}, WORDS.enter_title), el("p", {}, WORDS.enter_text));
  const label = el("label", { htmlFor: "code" }, WORDS.enter_code);
  form.append(label, input, el("button", {}, WORDS.enter), error);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await post("/enter", { word: input.value.replace(/\s/g, "") });
      await entered();
    } catch (problem) {
      text(error, REFUSALS[problem.message] ?? problem.message);
      input.select();
    }
  });
  main.replaceChildren(form);
  input.focus();
}
