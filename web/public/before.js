// Sets the colours before the first paint, so that nothing flashes; app/scheme.ts keeps them from then on.
(function () {
  var scheme = "auto";
  try {
    scheme = localStorage.getItem("lenticular.scheme") || "auto";
  } catch (_) {
    // storage is closed: the system's colours it is
  }
  var dark = scheme === "dark" || scheme === "reading" || (scheme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  var root = document.documentElement;
  root.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
  if (scheme === "reading") root.setAttribute("data-reading", "");
})();
