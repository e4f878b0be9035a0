"use strict";
/* Elements, made of names, attributes and texts. What a model wrote enters the page here alone, and as text nodes:
 * nothing in these files parses markup. */
const lace = {};

lace.fill = (node, attributes, inside) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...inside.filter((part) => part !== null && part !== undefined && part !== ""));
  return node;
};
lace.element = (name, attributes = {}, ...inside) => lace.fill(document.createElement(name), attributes, inside);
lace.svg = (name, attributes = {}, ...inside) =>
  lace.fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, inside);

/* The colour of a thread; there are 16, and the number always stands beside it. */
lace.colour = (thread) => `var(--t${thread % 16})`;

/* "0.042", "1.0e-7": a number as people read it. */
lace.figure = (x) => (x === 0 || Math.abs(x) >= 0.0005 ? x.toFixed(3) : x.toExponential(1));
lace.percent = (x) => `${(100 * x).toFixed(x >= 0.0995 ? 0 : 1)} %`;
lace.count = (n, what) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;
