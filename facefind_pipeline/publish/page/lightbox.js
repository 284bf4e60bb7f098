// One photo at a time: PhotoSwipe with the faces marked on demand, what is known of the photo, and a download.
"use strict";

const ICON = 'aria-hidden="true" class="pswp__icn" viewBox="0 0 32 32" width="32" height="32"';
const FACE_ICON = `<svg ${ICON}><path d="M8 12V8h4v2h-2v2zm12-4h4v4h-2v-2h-2zM8 20h2v2h2v2H8zm14 0h2v4h-4v-2h2zM12 14a1.5 1.5 0 1 1 3 0 1.5 1.5 0 0 1-3 0zm5 0a1.5 1.5 0 1 1 3 0 1.5 1.5 0 0 1-3 0zm-5 4h8a4 4 0 0 1-8 0z"/></svg>`;
const DOWNLOAD_ICON = `<svg ${ICON}><path d="M15 7h2v9l3-3 1.4 1.4L16 19.8l-5.4-5.4L12 13l3 3zM8 22h16v2H8z"/></svg>`;

class Lightbox {
  /** `closed(number)` is called with the place of the photo that was looked at last. */
  constructor(photos, closed) {
    this.photos = photos;
    this.closed = closed;
    this.marking = false; // remembered from one opening to the next
    this.swipe = null;
    // The way back of a phone or a browser closes the photo, not the gallery.
    addEventListener("popstate", () => this.swipe?.close());
  }

  /** In many tasks, since all of it takes a slow phone 100 ms: first the photo, then its controls, then its neighbours. */
  async open(shown, number) {
    if (this.swipe) return;
    // Without any fade PhotoSwipe would open in one task.
    const fade = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1 : 333; // ms
    const swipe = new PhotoSwipe({
      index: number,
      loop: false,
      bgOpacity: 1,
      // Room for buttons and caption where the window is high enough; else they lie over the photo.
      paddingFn: ({ y }) => ({ top: y > 600 ? 60 : 0, bottom: y > 600 ? 100 : 0, left: 0, right: 0 }),
      showHideAnimationType: "fade",
      showAnimationDuration: fade,
      hideAnimationDuration: fade,
      closeTitle: "Close (Esc)",
      zoomTitle: "Zoom (Z)",
      arrowPrevTitle: "Previous photo",
      arrowNextTitle: "Next photo",
      errorMsg: "This photo is missing beside the page",
    });
    this.swipe = swipe;
    swipe.addFilter("numItems", () => shown.length);
    swipe.addFilter("itemData", (_, index) => this.slideData(shown[index]));
    swipe.on("appendHeavyContent", ({ slide }) => setTimeout(() => this.mark(slide)));
    swipe.on("contentResize", ({ content, width, height }) => fit(content.slide?.marks, width, height));
    swipe.on("keydown", ({ originalEvent }) => {
      if (originalEvent.key === "f" && !originalEvent.ctrlKey && !originalEvent.metaKey) this.toggle();
    });
    swipe.on("firstUpdate", () => {
      swipe.element.setAttribute("aria-label", "Photo");
      swipe.element.setAttribute("aria-modal", "true");
      swipe.element.classList.toggle("marking", this.marking);
    });
    swipe.on("destroy", () => {
      this.swipe = null;
      if (history.state?.lightbox) history.back();
      this.closed(swipe.currIndex);
    });
    const controls = [];
    swipe.on("uiRegister", () => {
      this.register(swipe);
      controls.push(...swipe.ui.uiElementsData.splice(0).sort((one, other) => (one.order ?? 0) - (other.order ?? 0)));
    });
    history.pushState({ lightbox: true }, "");
    await nextTask();
    swipe.init();
    for (const control of controls) {
      await nextTask();
      if (this.swipe !== swipe) return;
      swipe.ui.registerElement(control);
    }
    swipe.dispatch("change"); // which the controls go by
    for (const [place, step] of [[0, -1], [2, 1]]) {
      await nextTask();
      // Once it is open, PhotoSwipe has seen to its neighbours.
      if (this.swipe !== swipe || swipe.opener.isOpen) return;
      swipe.setContent(swipe.mainScroll.itemHolders[place], swipe.currIndex + step);
    }
  }

  slideData(photo) {
    return {
      photo,
      src: this.photos.full(photo),
      msrc: this.photos.thumbnail(photo, Infinity),
      width: photo.width,
      height: photo.height,
      alt: this.photos.describe(photo),
    };
  }

  register(swipe) {
    swipe.ui.registerElement({
      name: "faces",
      order: 8,
      isButton: true,
      title: "Mark the face (F)",
      html: FACE_ICON,
      onInit: (button) => {
        button.setAttribute("aria-pressed", this.marking);
        this.button = button;
      },
      onClick: () => this.toggle(),
    });
    swipe.ui.registerElement({
      name: "download",
      order: 9,
      isButton: true,
      tagName: "a",
      title: "Download this photo",
      html: DOWNLOAD_ICON,
      onInit: (link) => {
        // Of a page that was opened from a file, browsers show what is to be downloaded: beside the gallery, not in it.
        link.target = "_blank";
        swipe.on("change", () => {
          const download = this.photos.download(swipe.currSlide.data.photo);
          link.href = download;
          link.download = download.split("/").at(-1);
        });
      },
    });
    swipe.ui.registerElement({
      name: "caption",
      appendTo: "root",
      onInit: (caption) => {
        caption.setAttribute("aria-live", "polite");
        swipe.on("change", () => this.caption(caption, swipe.currSlide.data.photo));
      },
    });
  }

  caption(caption, photo) {
    const lines = [[this.photos.when(photo), photo.place].filter(Boolean).join(" · "), ...this.photos.reasons(photo)];
    caption.replaceChildren(
      ...lines.map((line) => element("p", { textContent: line })),
      element("p", { className: "file", textContent: photo.name }),
    );
  }

  toggle() {
    this.marking = !this.marking;
    this.button?.setAttribute("aria-pressed", this.marking); // a key may come before the button is there
    this.swipe.element.classList.toggle("marking", this.marking);
  }

  /** Lays a frame over each face; they are seen while faces are marked. */
  mark(slide) {
    const marks = element("div", { className: "marks", "aria-hidden": "true" });
    for (const one of slide.data.photo.people) {
      const [x, y, w, h] = one.slice(BOX).map((share) => `${100 * share}%`);
      const frame = element("span", {}, element("b", { textContent: this.photos.people[one[PERSON]] }));
      Object.assign(frame.style, { left: x, top: y, width: w, height: h });
      marks.append(frame);
    }
    slide.marks = marks;
    fit(marks, slide.content.displayedImageWidth, slide.content.displayedImageHeight);
    slide.container.append(marks);
  }
}

function nextTask() {
  return new Promise((done) => setTimeout(done));
}

function fit(marks, width, height) {
  if (marks) Object.assign(marks.style, { width: `${width}px`, height: `${height}px` });
}
