// Opens the gallery: `data/gallery.js` calls openGallery, and the parts that it names call addPhotos, one after another.
"use strict";

let photos;

function addPhotos(part) {
  photos.add(part);
}

function openGallery(data) {
  photos = new Photos(data);
  const load = (part) => {
    if (part === data.parts) {
      start(data);
      return;
    }
    const script = element("script", { src: `data/photos-${part}.js` });
    script.onload = () => setTimeout(load, 0, part + 1);
    script.onerror = () => byId("count").replaceChildren(`data/photos-${part}.js is missing beside this page`);
    document.head.append(script);
  };
  load(0);
}

function start(data) {
  const lightbox = new Lightbox(photos, (number) => grid.focus(number));
  const grid = new Grid(byId("photos"), photos, (number) => lightbox.open(grid.shown, number));
  const filters = ["person", "day", "band"].map(byId);
  const names = [data.people, data.days, data.bands];
  filters.forEach((filter, number) => {
    filter.append(...names[number].map((name, value) => element("option", { value, textContent: name })));
    filter.parentElement.hidden = names[number].length < 2;
    filter.value = ""; // a browser that goes back would keep another
  });
  const show = () => {
    const [person, day, band] = filters.map(({ value }) => (value === "" ? null : Number(value)));
    grid.show(photos.grouped({ person, day, band }));
    const all = photos.all.length;
    const shown = grid.shown.length;
    const count = `${withCommas(shown)} ${shown === 1 ? "photo" : "photos"}`;
    byId("count").textContent = shown === all ? count : `${count} of ${withCommas(all)}`;
  };
  byId("filters").addEventListener("change", show);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  if (data.archive) {
    const archive = byId("archive");
    archive.href = archive.download = data.archive.file;
    archive.textContent = data.archive.bytes === null ? "Download all" : `Download all (${size(data.archive.bytes)})`;
    archive.hidden = false;
  }
  setTimeout(show);
}

function byId(id) {
  return document.getElementById(id);
}

function size(bytes) {
  const megabytes = bytes / 1e6;
  return megabytes < 1000 ? `${Math.max(0.1, megabytes).toPrecision(3)} MB` : `${(megabytes / 1000).toPrecision(3)} GB`;
}
