// The grid of thumbnails: rows exist only near what is looked at, so that 10,000 photos scroll like ten.
"use strict";

const GAP = 4; // CSS pixels
const WIDEST_CELL = 200;
const LEAST_COLUMNS = 3;
const BAND_HEIGHT = 52;
const DAY_HEIGHT = 40;
const MARGIN = 0.5; // of the window's height: rows above and below it that are ready
const IMAGES_AT_ONCE = 2; // begun in one task: the browser takes a millisecond to begin with one, a slow phone ten

class Grid {
  /** `open(number)` is called with a photo's place among those shown. */
  constructor(main, photos, open) {
    this.main = main;
    this.photos = photos;
    this.open = open;
    this.shown = [];
    this.rows = [];
    this.made = new Map(); // row's number -> element
    this.active = 0; // the photo that Tab leads to; arrow keys move it
    this.due = false;
    this.waiting = []; // images without a source yet
    addEventListener("scroll", () => this.soon(), { passive: true });
    new ResizeObserver(() => this.resize()).observe(main);
    main.addEventListener("keydown", (event) => this.key(event));
    main.addEventListener("click", (event) => this.click(event));
    main.addEventListener("focusin", (event) => this.activate(event.target));
  }

  /** Shows groups of photos, as `Photos` makes them; in a task of its own, for 10,000 take a slow phone a while. */
  show(groups) {
    this.groups = groups;
    this.shown = groups.flatMap((group) => group.photos);
    this.active = 0;
    setTimeout(() => this.lay());
  }

  resize() {
    if (this.groups && this.main.clientWidth !== this.width) this.lay();
  }

  lay() {
    this.width = this.main.clientWidth;
    this.columns = Math.max(LEAST_COLUMNS, Math.ceil(this.width / WIDEST_CELL));
    this.cell = (this.width - (this.columns - 1) * GAP) / this.columns;
    this.rows = [];
    let top = 0;
    let number = 0;
    let band = -1;
    const add = (row, height) => {
      row.top = top;
      row.height = height;
      this.rows.push(row);
      top += height;
    };
    for (const group of this.groups) {
      if (group.band !== band) {
        band = group.band;
        add({ heading: "h2", text: this.photos.bands[band] }, BAND_HEIGHT);
      }
      add({ heading: "h3", text: this.photos.days[group.day] }, DAY_HEIGHT);
      for (let first = 0; first < group.photos.length; first += this.columns) {
        const count = Math.min(this.columns, group.photos.length - first);
        add({ first: number, count, starts: first === 0 }, this.cell + GAP);
        number += count;
      }
    }
    this.main.style.height = `${top}px`;
    this.main.replaceChildren();
    this.made.clear();
    this.render();
  }

  soon() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      this.render();
    });
  }

  render() {
    const above = scrollY - this.main.offsetTop;
    const first = this.rowAt(above - MARGIN * innerHeight);
    const last = this.rowAt(above + (1 + MARGIN) * innerHeight);
    const kept = this.rowOf(this.active); // so that the focus is not lost with its row
    for (const [number, row] of this.made) {
      if ((number < first || number > last) && number !== kept) {
        row.remove();
        this.made.delete(number);
      }
    }
    // From the last to the first: each goes before the one that follows it, and a screen reader meets them in order.
    let next = this.after(last);
    for (let number = last; number >= first; number -= 1) {
      if (this.rows[number] && !this.made.has(number)) this.make(number, next);
      next = this.made.get(number) ?? next;
    }
    if (this.rows[kept] && !this.made.has(kept)) this.make(kept, this.after(kept));
  }

  /** The first element that belongs after a row. */
  after(number) {
    let found = Infinity;
    for (const made of this.made.keys()) if (made > number && made < found) found = made;
    return this.made.get(found) ?? null;
  }

  make(number, next) {
    const row = this.rows[number];
    const made = row.heading ? element(row.heading, { textContent: row.text }) : this.photoRow(row);
    made.style.transform = `translateY(${row.top}px)`;
    made.style.height = `${row.height}px`;
    this.made.set(number, made);
    this.main.insertBefore(made, next);
  }

  photoRow(row) {
    const made = element("div", { className: "row" });
    for (let number = row.first; number < row.first + row.count; number += 1) {
      made.append(this.link(number, row.starts && number === row.first));
    }
    return made;
  }

  link(number, startsDay) {
    const photo = this.shown[number];
    const before = this.shown[number - 1];
    const image = element("img", { alt: "" });
    this.begin(image, this.photos.thumbnail(photo, this.shownWidth(photo)));
    image.style.objectPosition = this.facePosition(photo);
    const link = element("a", {
      href: this.photos.full(photo),
      tabIndex: number === this.active ? 0 : -1,
      "aria-label": `${this.photos.describe(photo)} · ${number + 1} of ${this.shown.length}`,
      "data-number": number,
    });
    link.style.width = link.style.height = `${this.cell}px`;
    link.append(image);
    // Within a day, the first photo of each hour shows it.
    if (photo.time && (startsDay || photo.time.slice(0, 2) !== before.time.slice(0, 2))) {
      link.append(element("span", { className: "hour", textContent: photo.time, "aria-hidden": "true" }));
    }
    return link;
  }

  /** Loads an image soon, unless it was scrolled past by then. */
  begin(image, source) {
    if (this.waiting.push({ image, source }) === 1) setTimeout(() => this.beginWaiting());
  }

  beginWaiting() {
    for (let begun = 0; begun < IMAGES_AT_ONCE && this.waiting.length > 0; ) {
      const { image, source } = this.waiting.shift();
      if (!image.isConnected) continue;
      image.src = source;
      begun += 1;
    }
    if (this.waiting.length > 0) setTimeout(() => this.beginWaiting());
  }

  shownWidth(photo) {
    return this.cell * Math.max(1, photo.width / photo.height);
  }

  /** Where to cut a photo to a square so that the first person's face stays in. */
  facePosition(photo) {
    const [x, y, w, h] = photo.people[0].slice(BOX);
    const along = (middle, length) => {
      const hidden = length - 1; // in squares
      return hidden <= 0 ? 50 : 100 * Math.min(1, Math.max(0, (middle * length - 0.5) / hidden));
    };
    const ratio = photo.width / photo.height;
    return `${along(x + w / 2, ratio)}% ${along(y + h / 2, 1 / ratio)}%`;
  }

  /** The number of the row at so many pixels from the grid's top. */
  rowAt(position) {
    let low = 0;
    let high = this.rows.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.rows[middle].top <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The number of the row that a photo is in. */
  rowOf(number) {
    let low = 0;
    let high = this.rows.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.firstFrom(middle) <= number) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  firstFrom(row) {
    while (row < this.rows.length && this.rows[row].heading) row += 1;
    return this.rows[row]?.first ?? Infinity;
  }

  linkOf(number) {
    return this.main.querySelector(`a[data-number="${number}"]`);
  }

  activate(target) {
    const number = Number(target.closest("a")?.dataset.number);
    if (Number.isNaN(number) || number === this.active) return;
    const before = this.linkOf(this.active);
    if (before) before.tabIndex = -1;
    this.active = number;
    target.tabIndex = 0;
  }

  /** Scrolls to a photo and puts the focus on it. */
  focus(number) {
    const row = this.rows[this.rowOf(number)];
    const top = row.top + this.main.offsetTop;
    if (top < scrollY) scrollTo(0, top - DAY_HEIGHT);
    else if (top + row.height > scrollY + innerHeight) scrollTo(0, top + row.height - innerHeight + GAP);
    this.render();
    const link = this.linkOf(number);
    if (link) link.focus({ preventScroll: true });
  }

  click(event) {
    const link = event.target.closest("a");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    setTimeout(() => this.open(Number(link.dataset.number))); // the click itself takes the browser a while
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const page = Math.max(1, Math.floor(innerHeight / (this.cell + GAP)) - 1);
    const moves = {
      ArrowLeft: () => this.active - 1,
      ArrowRight: () => this.active + 1,
      ArrowUp: () => this.vertically(-1),
      ArrowDown: () => this.vertically(1),
      PageUp: () => this.vertically(-page),
      PageDown: () => this.vertically(page),
      Home: () => 0,
      End: () => this.shown.length - 1,
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    this.focus(Math.min(Math.max(move(), 0), this.shown.length - 1));
  }

  /** The photo so many rows of photos below the active one, as near to its column as there is. */
  vertically(rows) {
    let number = this.rowOf(this.active);
    let row = this.rows[number];
    const column = this.active - row.first;
    let left = Math.abs(rows);
    while (left > 0 && this.rows[number + Math.sign(rows)]) {
      number += Math.sign(rows);
      if (this.rows[number].heading) continue;
      row = this.rows[number];
      left -= 1;
    }
    return row.first + Math.min(column, row.count - 1);
  }
}
