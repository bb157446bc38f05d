// Runs before the first paint, so that a chosen theme never flashes. A file, since the content
// security policy refuses inline scripts.
try {
  const theme = localStorage.getItem('biplane.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be refused; the system's setting then decides.
}
