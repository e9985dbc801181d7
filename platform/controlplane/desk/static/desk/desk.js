/* What Alpine's strict build asks for: every name an expression uses is given by a component. */
(() => {
  const YEAR = 365 * 24 * 60 * 60;

  function chosenTheme() {
    const found = /(?:^|; )theme=(light|dark)/.exec(document.cookie);
    return found ? found[1] : "auto";
  }

  // One switch for the console and the desk: both read the console's cookie.
  function keepTheme(chosen) {
    const kept = chosen === "light" || chosen === "dark";
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `theme=${kept ? chosen : ""}; path=/; max-age=${kept ? YEAR : 0}; samesite=lax${secure}`;
  }

  document.addEventListener("alpine:init", () => {
    Alpine.data("theme", () => {
      const component = theme();
      const begin = component.init;
      return Object.assign(component, {
        // Expressions of the change form name the address of its page.
        window: { location: { pathname: location.pathname, search: location.search } },
        init() {
          begin.call(this);
          this.adminTheme = chosenTheme();
          this.$watch("adminTheme", keepTheme);
        },
      });
    });

    Alpine.data("shell", (tab) => ({
      activeTab: tab,
      sidebarMobileOpen: false,
      sidebarDesktopOpen: localStorage.getItem("sidebarDesktopOpen") !== "0",
      init() {
        this.activeTab = getCurrentTab() || tab;
        this.$watch("sidebarDesktopOpen", (open) => localStorage.setItem("sidebarDesktopOpen", open ? "1" : "0"));
      },
    }));

    Alpine.data("searchForm", () => searchForm());
    Alpine.data("searchDropdown", () => searchDropdown());
    Alpine.data("searchCommand", () => searchCommand());
  });
})();
