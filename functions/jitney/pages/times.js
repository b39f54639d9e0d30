// Shows and takes times in the reader's zone. Without this script, pages have UTC and say so. Its hash is in the page's
// CSP.
const format = new Intl.DateTimeFormat("en-GB", {
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  timeZoneName: "short",
});
for (const each of document.querySelectorAll("time[datetime]")) {
  const moment = new Date(each.dateTime);
  if (Number.isNaN(moment.getTime())) continue;
  const part = Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, value]));
  const clock = `${part.hour}:${part.minute} ${part.timeZoneName}`;
  const local = `${part.year}-${part.month}-${part.day} ${clock}`;
  if (each.title) {
    each.title = `${local} (${each.title})`;
  } else {
    each.title = each.textContent;
    each.textContent = "clock" in each.dataset ? clock : local; // next to "within 59 minutes", a clock is enough
  }
}

// The server takes UTC. What is sent is changed and not the input, which a reader who comes back still sees.
for (const input of document.querySelectorAll("input[type=datetime-local]")) {
  if (input.value) {
    const moment = new Date(`${input.value}Z`);
    input.value = new Date(moment - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  }
  input.form.addEventListener("formdata", ({ formData }) => {
    if (input.value) formData.set(input.name, new Date(input.value).toISOString().slice(0, 16));
  });
}
for (const zone of document.querySelectorAll("[data-zone]")) zone.textContent = "your time zone";
