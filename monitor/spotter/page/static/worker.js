// Messages that arrive while the page is closed. Nothing is ever kept here: old data would look like new.

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  const { title, ...options } = event.data.json().notification;
  event.waitUntil(self.registration.showNotification(title, { icon: "/icon-180.png", badge: "/icon-180.png", ...options }));
});

self.addEventListener("notificationclick", (event) => {
  const { device, incident } = event.notification.data ?? {};
  event.notification.close();
  event.waitUntil(event.action && incident ? answer(device, incident, event.action) : show(device));
});

async function answer(device, incident, act) {
  const nonce = crypto.randomUUID();
  const response = await fetch("/answer", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ device, incident, act, nonce }),
  }).catch(() => null);
  if (!response?.ok) await show(device); // the answer did not arrive: let the person see how things are
}

async function show(device) {
  const [open] = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (open) return open.focus();
  return self.clients.openWindow(device ? `/#${device}` : "/");
}
