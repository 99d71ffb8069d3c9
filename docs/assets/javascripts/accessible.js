// Names for what the theme leaves nameless to a screen reader. All of it is markup of the theme, some of it made late.
(() => {
  const name = (root, selector, text) => {
    for (const element of root.querySelectorAll(selector)) {
      if (!element.hasAttribute("aria-label")) element.setAttribute("aria-label", text(element));
    }
  };

  const mend = () => {
    name(document, ".md-search[role=dialog]", () => "Search");
    name(document, "input[type=checkbox][disabled]", () => "in place");
    // The label of a section with a page of its own holds only an icon; its title stands in the list that it opens.
    name(document, "label.md-nav__link:has(> .md-icon:only-child)", (label) => {
      const title = document.querySelector(`.md-nav__title[for="${label.htmlFor}"]`);
      return title ? title.textContent.trim() : "Section";
    });
    // The copy button of a code block is no place to navigate to.
    for (const tools of document.querySelectorAll("nav.md-code__nav")) tools.setAttribute("role", "presentation");
  };

  mend();
  new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
})();
