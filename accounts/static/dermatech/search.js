/* The palette of the search: the theme's own, with what it leaves out. The first line found is chosen at once,
   Enter with nothing found does nothing, Escape closes and gives the keyboard back to where it was. */
function siteSearch() {
  const own = searchCommand();
  return {
    ...own,
    opener: null,
    handleOpen() {
      if (this.openCommandResults) return;
      this.opener = document.activeElement;
      own.handleOpen.call(this);
    },
    handleShortcut(event) {
      if (event.key.toLowerCase() !== "k" || !(event.metaKey || event.ctrlKey)) return;
      event.preventDefault();
      this.handleOpen();
    },
    handleContentLoaded(event) {
      if (event.target.id !== "command-results") return;
      this.items = event.target.querySelectorAll("li");
      this.totalItems = this.items.length;
      this.hasResults = this.totalItems > 0;
      this.currentIndex = this.hasResults ? 1 : 0;
    },
    handleOutsideClick() {
      if (this.openCommandResults) this.close();
    },
    close() {
      this.$refs.searchInputCommand.value = "";
      document.getElementById("command-results").replaceChildren();
      this.items = [];
      this.totalItems = this.currentIndex = 0;
      this.hasResults = this.openCommandResults = false;
      this.toggleBodyOverflow();
      if (this.opener) this.opener.focus();
    },
    choose(elsewhere) {
      if (this.currentIndex > 0) this.selectItem(false, elsewhere);
    },
  };
}

/* Signed out meanwhile: the sign-in page instead of results. No answer at all: said, not left to guess. */
(() => {
  const ours = (event) => event.detail.target && event.detail.target.id === "command-results";

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!ours(event) || event.detail.xhr.responseURL.includes("/search/")) return;
    event.detail.shouldSwap = false;
    location.reload();
  });

  ["htmx:responseError", "htmx:sendError"].forEach((name) => document.addEventListener(name, (event) => {
    if (!ours(event)) return;
    const said = document.createElement("p");
    said.className = "px-4 py-8 text-center";
    said.textContent = "The search does not answer just now. Try again in a moment.";
    event.detail.target.replaceChildren(said);
  }));
})();
