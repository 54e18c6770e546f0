// What ical.js and node-ical read in the calendar on standard input, event by event, as JSON.
import { readFileSync } from "node:fs";
import ICAL from "ical.js";
import nodeIcal from "node-ical";

const text = readFileSync(0, "utf8");
const root = new ICAL.Component(ICAL.parse(text));
const icalJs = root.getAllSubcomponents("vevent").map((component) => {
  const event = new ICAL.Event(component);
  return {
    uid: event.uid,
    sequence: event.sequence,
    start: event.startDate.toJSDate(),
    end: event.endDate.toJSDate(),
    status: component.getFirstPropertyValue("status"),
    title: event.summary,
    description: event.description,
    location: event.location,
  };
});
const nodeIcalEvents = Object.values(nodeIcal.sync.parseICS(text))
  .filter((item) => item.type === "VEVENT")
  .map((event) => ({
    uid: event.uid,
    sequence: Number(event.sequence),
    start: event.start,
    end: event.end,
    status: event.status,
    title: event.summary,
    description: event.description,
    location: event.location,
  }));
const name = root.getFirstPropertyValue("name");
const refresh = root.getFirstPropertyValue("refresh-interval").toSeconds();
console.log(JSON.stringify({ name, refresh, "ical.js": icalJs, "node-ical": nodeIcalEvents }));
