// The photos of the gallery, and which of them are shown: chosen by the filters, the best first, then as they were taken.
"use strict";

class Photos {
  constructor(data) {
    this.days = data.days;
    this.people = data.people;
    this.bands = data.bands;
    this.all = []; // in the order in which they were taken
  }

  add(part) {
    for (const photo of part) this.all.push(photo);
  }

  /** The band of a photo, as its place among all bands: of one person, or the best of all; -1 without that person. */
  bandOf(photo, person) {
    let best = -1;
    for (const appearance of photo.people) {
      if (person !== null && appearance.person !== person) continue;
      const band = this.bands.findIndex((one) => one.band === appearance.band);
      if (best === -1 || band < best) best = band;
    }
    return best;
  }

  /**
   * Shown photos in groups of one band and day, the best band first; a filter that is null lets all through.
   * One look at each photo and no sorting, since 10,000 must not hold up the page.
   */
  grouped({ person, day, band }) {
    const ofBand = this.bands.map(() => []);
    for (const photo of this.all) {
      if (day !== null && photo.day !== day) continue;
      const found = this.bandOf(photo, person);
      if (found !== -1 && (band === null || found === band)) ofBand[found].push(photo);
    }
    const groups = [];
    ofBand.forEach((photos, band) => {
      let group = null;
      for (const photo of photos) {
        if (group === null || group.day !== photo.day) {
          group = { band, day: photo.day, photos: [] };
          groups.push(group);
        }
        group.photos.push(photo);
      }
    });
    return groups;
  }

  when(photo) {
    return photo.time ? `${this.days[photo.day]}, ${photo.time}` : this.days[photo.day];
  }

  names(photo) {
    return photo.people.map((appearance) => this.people[appearance.person].name).join(", ");
  }

  /** Why a photo is here, one line for each person. */
  reasons(photo) {
    return photo.people.map((appearance) => {
      const name = this.people[appearance.person].name;
      if (appearance.band === "confirmed") return `${name}: confirmed by the host`;
      const band = this.bands.find((one) => one.band === appearance.band).name.toLowerCase();
      const confidence = appearance.confidence === null ? "" : `, confidence ${percent(appearance.confidence)}`;
      return `${name}: ${band}${confidence}, distance ${appearance.distance.toFixed(2)}`;
    });
  }

  describe(photo) {
    return [this.names(photo), this.when(photo), photo.place].filter(Boolean).join(" · ");
  }
}

function percent(share) {
  return share > 0.999 ? "over 99.9 %" : `${(100 * share).toPrecision(3)} %`;
}

function counted(number) {
  return `${number.toLocaleString("en")} ${number === 1 ? "photo" : "photos"}`;
}

/** An element with properties, attributes where the name has a dash, and children. */
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-")) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}
