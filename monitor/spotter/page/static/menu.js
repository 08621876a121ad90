// The menu: push messages to this phone, and leaving. Loaded when somebody opens it.

import { RefusedError, post } from "./server.js";
import { button, el } from "./show.js";
import { REFUSALS } from "./words.js";

const WORDS = {
  push_on: "Ring when closed: on",
  push_off: "Ring when closed: off",
  push_failed: "This browser does not allow it.",
  leave: "Unpair this phone",
};

export async function openMenu(known, page) {
  const list = el("div", { class: "side" });
  // None where the certificate is not trusted: the rest of the menu is there all the same.
  const registration = await navigator.serviceWorker?.getRegistration();
  if (known.pushKey && registration && window.PushManager) {
    const subscription = await registration.pushManager.getSubscription();
    const toggle = () => togglePush(known, page, registration, subscription);
    list.append(button(subscription ? WORDS.push_on : WORDS.push_off, toggle, "plain"));
  }
  list.append(button(WORDS.leave, () => leave(page), "plain"));
  page.openSheet(known.you, list);
}

async function togglePush(known, { sheet, toast }, registration, subscription) {
  try {
    if (subscription) {
      await post("/push", null);
      await subscription.unsubscribe();
    } else {
      const made = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: known.pushKey });
      await post("/push", made.toJSON());
    }
    sheet.close();
    toast(subscription ? WORDS.push_off : WORDS.push_on);
  } catch (error) {
    toast(error instanceof RefusedError ? (REFUSALS[error.message] ?? error.message) : WORDS.push_failed);
  }
}

async function leave({ sheet, unpaired }) {
  await post("/leave").catch(() => {});
  sheet.close();
  unpaired();
}
