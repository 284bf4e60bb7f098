// The photos of the gallery, and which of them are shown: chosen by the filters, the best first, then as they were taken.
"use strict";

// What stands where in the list of each person that a photo shows.
const PERSON = 0;
const BAND = 1;
const CONFIDENCE = 2;
const DISTANCE = 3;
const BOX = 4; // and the three after it: x, y, w, h as shares of width and height

class Photos {
  constructor(data) {
    this.days = data.days;
    this.people = data.people;
    this.bands = data.bands; // the best first
    this.sides = data.thumbnails;
    this.all = []; // in the order in which they were taken
  }

  add(part) {
    for (const photo of part) this.all.push(photo);
  }

  /**
   * Shown photos in groups of one band and day, the best band first; a filter that is null lets all through.
   * One look at each photo and no sorting, since 10,000 must not hold up the page.
   */
  grouped({ person, day, band }) {
    const ofBand = this.bands.map(() => []);
    for (const photo of this.all) {
      if (day !== null && photo.day !== day) continue;
      const found = bandOf(photo, person);
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

  full(photo) {
    return `photos/${photo.stem}.jpg`;
  }

  download(photo) {
    return photo.original === null ? this.full(photo) : `originals/${photo.stem}${photo.original}`;
  }

  /** The smallest thumbnail that is as wide as the screen shows it, else the largest. */
  thumbnail(photo, width) {
    const share = Math.min(1, photo.width / photo.height);
    const side = this.sides.find((one) => one * share >= width * devicePixelRatio) ?? this.sides.at(-1);
    return `thumbnails/${photo.stem}-${side}.jpg`;
  }

  when(photo) {
    return photo.time ? `${this.days[photo.day]}, ${photo.time}` : this.days[photo.day];
  }

  /** Who is to be seen, when and where. */
  describe(photo) {
    const names = photo.people.map((one) => this.people[one[PERSON]]).join(", ");
    return [names, this.when(photo), photo.place].filter(Boolean).join(" · ");
  }

  /** Why a photo is here, one line for each person. */
  reasons(photo) {
    return photo.people.map((one) => {
      const band = this.bands[one[BAND]].toLowerCase();
      const confidence = one[CONFIDENCE] === null ? "" : `, confidence ${percent(one[CONFIDENCE])}`;
      const distance = one[DISTANCE] === null ? "" : `, distance ${one[DISTANCE].toFixed(2)}`;
      return `${this.people[one[PERSON]]}: ${band}${confidence}${distance}`;
    });
  }
}

/** The band of a photo: of one person, or the best of all; -1 without that person. */
function bandOf(photo, person) {
  let best = -1;
  for (const one of photo.people) {
    if ((person === null || one[PERSON] === person) && (best === -1 || one[BAND] < best)) best = one[BAND];
  }
  return best;
}

function percent(share) {
  return share > 0.999 ? "over 99.9 %" : `${(100 * share).toPrecision(3)} %`;
}

/** A whole number with commas; the browser's own way takes 20 ms when it is first used. */
function withCommas(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
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
