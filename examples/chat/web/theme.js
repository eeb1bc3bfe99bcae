// Light, dark, or as the system has it. The choice lives as long as the tab.

const choices = ['system', 'light', 'dark'];
const names = { system: 'as the system', light: 'light', dark: 'dark' };

export function initTheme(button) {
  const root = document.documentElement;
  const apply = (choice) => {
    // style.css turns this attribute into a color-scheme, and all colours follow.
    root.dataset.theme = choice;
    button.ariaLabel = button.title = `Theme: ${names[choice]}`;
    sessionStorage.setItem('theme', choice);
  };
  const stored = sessionStorage.getItem('theme');
  apply(choices.includes(stored) ? stored : 'system');
  button.addEventListener('click', () => {
    apply(choices[(choices.indexOf(root.dataset.theme) + 1) % choices.length]);
  });
}
