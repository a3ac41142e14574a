// What a reader would stumble over on a study page: a list of sentences, empty for a good page.
async () => {
  const faults = [];
  const say = (what, element) => faults.push(`${what}: ${describe(element)}`);
  const describe = (e) => {
    const text = (e.textContent || "").trim().replace(/\s+/g, " ").slice(0, 40);
    const name = typeof e.className === "string" && e.className ? "." + e.className.split(" ")[0] : "";
    return `<${e.localName}${e.id ? "#" + e.id : ""}${name}> ${text}`;
  };
  for (const d of document.querySelectorAll("details")) d.open = true;
  for (const i of document.images) {
    i.loading = "eager";
    await i.decode().catch(() => say("an image that did not load", i));
  }
  const all = [...document.body.querySelectorAll("*")];
  const visible = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const styles = new Map();
  const style = (e) => styles.get(e) || styles.set(e, getComputedStyle(e)).get(e);

  // ---- width ----
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) faults.push(`the page scrolls sideways: ${document.documentElement.scrollWidth} > ${width}`);
  const scrolls = (e) => ["auto", "scroll"].includes(style(e).overflowX) || ["auto", "scroll"].includes(style(e).overflowY);
  const boxed = (e) => {
    for (let p = e.parentElement; p && p !== document.body; p = p.parentElement) if (scrolls(p)) return true;
    return false;
  };
  for (const e of all) {
    if (e.ownerSVGElement || !visible(e)) continue;
    const r = e.getBoundingClientRect();
    if (r.width && (r.right > width + 1 || r.left < -1) && !boxed(e)) say("sticks out of the page", e);
    const high = e.scrollHeight > e.clientHeight + 1;
    if (scrolls(e) && (e.scrollWidth > e.clientWidth + 1 || (high && style(e).overflowY !== "hidden")) && e.tabIndex < 0) say("scrolls, but not with the keyboard", e);
    if (high && style(e).overflowY === "hidden") say("is cut off below", e);
  }

  // ---- formulas ----
  for (const e of all) if (e instanceof HTMLUnknownElement) say("no element of HTML", e);
  const core = "math merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none".split(" ");
  for (const e of document.querySelectorAll("math, math *")) {
    if (!(e instanceof MathMLElement) || !core.includes(e.localName)) { say("a formula holds what is no MathML", e); continue; }
    if (!visible(e)) continue;
    const r = e.getBoundingClientRect();
    const letters = !e.children.length && /[^\s\u2061-\u2064]/.test(e.textContent);
    if ((e.localName === "math" || letters) && !(r.width > 0 && r.height > 0)) say("a formula without size", e);
    if (letters && /\\|[$&]/.test(e.textContent)) say("a formula with LaTeX left in it", e);
  }

  // ---- contrast ----
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const colours = new Map();
  const rgba = (text) => {
    if (!colours.has(text)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      colours.set(text, [r, g, b, a / 255]);
    }
    return colours.get(text);
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const probe = document.body.appendChild(document.createElement("div"));
  probe.style.background = "Canvas";
  const page = rgba(getComputedStyle(probe).backgroundColor);
  probe.remove();
  const ground = (e) => {
    const layers = [];
    for (let p = e; p; p = p.parentElement) {
      if (style(p).backgroundImage !== "none") say("a ground of no single colour", p);
      const colour = rgba(style(p).backgroundColor);
      layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), page);
  };
  const opacity = (e) => { let o = 1; for (let p = e; p; p = p.parentElement) o *= Number(style(p).opacity); return o; };
  const images = new Map(); // <image> -> its pixels
  for (const e of document.querySelectorAll("svg image")) {
    const image = new Image();
    image.src = e.getAttribute("href") || e.getAttribute("xlink:href");
    await image.decode();
    const c = Object.assign(document.createElement("canvas"), { width: image.naturalWidth, height: image.naturalHeight }).getContext("2d");
    c.drawImage(image, 0, 0);
    images.set(e, c.getImageData(0, 0, image.naturalWidth, image.naturalHeight));
  }
  const paint = (e, x, y) => { // the colour that a shape of an SVG has at a point of the screen, or null
    const matrix = e.getScreenCTM && e.getScreenCTM();
    if (!matrix) return null;
    const at = new DOMPoint(x, y).matrixTransform(matrix.inverse());
    if (images.has(e)) {
      const pixels = images.get(e), box = e.getBBox();
      const column = Math.floor(((at.x - box.x) / box.width) * pixels.width), row = Math.floor(((at.y - box.y) / box.height) * pixels.height);
      if (column < 0 || row < 0 || column >= pixels.width || row >= pixels.height) return null;
      const [r, g, b, a] = pixels.data.slice(4 * (row * pixels.width + column), 4 * (row * pixels.width + column) + 4);
      return [r, g, b, (a / 255) * opacity(e)];
    }
    let fill = style(e).fill;
    if (e.localName === "use") { // a shape from elsewhere: its own colour, or else that of the place where it is used
      const shape = document.querySelector(e.getAttribute("href") || e.getAttribute("xlink:href"));
      if (!shape || !shape.getAttribute("d")) return null;
      fill = shape.style.fill || shape.getAttribute("fill") || fill;
      if (!canvas.isPointInPath(new Path2D(shape.getAttribute("d")), at.x - e.x.baseVal.value, at.y - e.y.baseVal.value)) return null;
    } else if (!(e instanceof SVGGeometryElement) || !e.isPointInFill(at)) return null;
    if (fill === "none") return null;
    const [r, g, b, a] = rgba(fill);
    return [r, g, b, a * Number(style(e).fillOpacity) * opacity(e)];
  };
  const luminance = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => { const [x, y] = [luminance(a), luminance(b)]; return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05); };
  const judge = (e, colour, below) => {
    const shown = over([...colour.slice(0, 3), colour[3] * opacity(e)], below);
    const ratio = contrast(shown, below);
    if (ratio < 4.5) say(`contrast ${ratio.toFixed(2)}`, e);
    return ratio >= 4.5;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const e = node.parentElement;
    if (seen.has(e) || !node.data.trim() || !visible(e) || ["STYLE", "SCRIPT"].includes(e.tagName)) continue;
    seen.add(e);
    if (!e.ownerSVGElement) { judge(e, rgba(style(e).color), ground(e)); continue; }
    const fill = rgba(style(e).fill);
    const colour = [...fill.slice(0, 3), fill[3] * Number(style(e).fillOpacity)];
    const paper = ground(e.ownerSVGElement);
    e.scrollIntoView({ block: "center", inline: "center" });
    const r = e.getBoundingClientRect(), frame = e.ownerSVGElement.getBoundingClientRect();
    const air = 0.2 * Math.min(r.width, r.height); // about a letter
    if (r.left < frame.left - air || r.right > frame.right + air || r.top < frame.top - air || r.bottom > frame.bottom + air) say("is cut off by its picture", e);
    let fine = true;
    for (const [u, v] of [[0.5, 0.5], [0.2, 0.5], [0.8, 0.5], [0.5, 0.25], [0.5, 0.75]]) {
      const x = r.left + u * r.width, y = r.top + v * r.height;
      const stack = document.elementsFromPoint(x, y).filter((s) => s.ownerSVGElement === e.ownerSVGElement);
      const below = stack.filter((s) => e.compareDocumentPosition(s) & Node.DOCUMENT_POSITION_PRECEDING);
      const layers = below.map((s) => paint(s, x, y)).filter((c) => c).reverse();
      fine = fine && judge(e, colour, layers.reduce((b, t) => over(t, b), paper));
    }
  }
  scrollTo(0, 0);

  // ---- structure ----
  const ids = new Map();
  for (const e of document.querySelectorAll("[id]")) {
    if (ids.has(e.id)) say("the id of another element", e);
    ids.set(e.id, e);
  }
  for (const e of document.querySelectorAll("[href^='#']")) if (!ids.has(e.getAttribute("href").slice(1))) say(`a link that leads nowhere (${e.getAttribute("href")})`, e);
  for (const e of all) for (const a of e.attributes) {
    for (const [, id] of a.value.matchAll(/url\(["']?#([^"')]+)/g)) if (!ids.has(id)) say(`url(#${id}) leads nowhere`, e);
    if (/^\s*(https?:)?\/\//i.test(a.value)) say(`an outside address (${a.value})`, e);
  }
  let level = 0;
  for (const h of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    const now = Number(h.localName[1]);
    if (now > level + 1) say(`a heading of level ${now} below one of level ${level}`, h);
    if (!h.textContent.trim()) say("an empty heading", h);
    level = now;
  }
  const named = (e) => {
    const by = (e.getAttribute("aria-labelledby") || "").split(/\s+/).filter(Boolean).map((id) => ids.get(id)?.textContent || "");
    return (by.join(" ") || e.getAttribute("aria-label") || e.getAttribute("alt") || "").trim();
  };
  for (const e of document.querySelectorAll("img, svg, nav, section")) if (!named(e)) say("without a name", e);
  for (const e of document.querySelectorAll("svg")) if (e.getAttribute("role") !== "img") say("an SVG that is no image to a screen reader", e);
  for (const e of document.querySelectorAll("a, summary")) if (!e.textContent.trim() && !named(e)) say("a control without a name", e);
  for (const e of document.querySelectorAll("th")) if (!e.getAttribute("scope")) say("a heading cell of nothing in particular", e);
  for (const e of document.querySelectorAll("section")) if (e.children.length < 2) say("an empty section", e);
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  if (document.querySelectorAll("main").length !== 1) faults.push("not one main");
  if (!document.documentElement.lang) faults.push("no language");
  if (!document.title) faults.push("no title");
  for (const name of ["viewport", "description", "color-scheme"]) if (!document.querySelector(`meta[name=${name}]`)?.content) faults.push(`no ${name}`);
  return faults;
}
