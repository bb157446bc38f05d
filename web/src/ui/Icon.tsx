/** The icon set: 16 px strokes, drawn for this app. Decorative; the control carries the name. */

const PATHS = {
  sql: 'M2.5 3.5h11v9h-11zM5 6.5l2 1.75L5 10M8.5 10.2H11',
  catalog: 'M3 4.2C3 3 5.2 2.2 8 2.2s5 .8 5 2-2.2 2-5 2-5-.8-5-2zM3 4.2v7.6c0 1.2 2.2 2 5 2s5-.8 5-2V4.2M3 8c0 1.2 2.2 2 5 2s5-.8 5-2',
  schema: 'M2.5 4.5h4l1.3 1.5h5.7v7h-11z',
  table: 'M2.5 3h11v10h-11zM2.5 6.4h11M2.5 9.7h11M6.3 6.4V13',
  view: 'M1.8 8S4 3.8 8 3.8 14.2 8 14.2 8 12 12.2 8 12.2 1.8 8 1.8 8zM8 9.9A1.9 1.9 0 1 0 8 6.1a1.9 1.9 0 0 0 0 3.8z',
  volume: 'M2.5 3.5h11v3.2h-11zM3.5 6.7v6h9v-6M6.3 9.2h3.4',
  function: 'M10.8 3.2c-2-.7-2.9.2-3.1 1.8L6.4 12c-.2 1.4-1 1.9-2.3 1.3M5 7h5',
  column: 'M5.5 2.5h5v11h-5z',
  warehouse: 'M2.5 13.5v-7L8 3l5.5 3.5v7M5.5 13.5v-4h5v4M5.5 11.5h5',
  history: 'M8 4.5V8l2.3 1.5M2.5 8a5.5 5.5 0 1 1 1.7 4M2.5 8V5M2.5 8h2.8',
  settings: 'M2.5 4.5h6M11.5 4.5h2M2.5 11.5h2M7.5 11.5h6M10 3v3M6 10v3',
  play: 'M4.5 3l8 5-8 5z',
  stop: 'M4 4h8v8H4z',
  plus: 'M8 3v10M3 8h10',
  close: 'M4 4l8 8M12 4l-8 8',
  check: 'M3 8.5l3.2 3.2L13 5',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  download: 'M8 2.5v7.5M5 7l3 3 3-3M2.5 13.5h11',
  upload: 'M8 10V2.5M5 5.5l3-3 3 3M2.5 13.5h11',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.6 10.6L14 14',
  refresh: 'M13 8a5 5 0 1 1-1.6-3.7M13 2.5v2.8h-2.8',
  chevron: 'M6 3.5L10.5 8 6 12.5',
  down: 'M3.5 6L8 10.5 12.5 6',
  up: 'M3.5 10L8 5.5 12.5 10',
  filter: 'M2.5 3h11L9.3 8.2v4.3l-2.6 1V8.2z',
  menu: 'M2.5 4h11M2.5 8h11M2.5 12h11',
  star: 'M8 2l1.8 3.9 4.2.5-3.1 2.9.8 4.2L8 11.4l-3.7 2.1.8-4.2L2 6.4l4.2-.5z',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  edit: 'M3 13l.7-2.8L10.8 3l2.2 2.2-7.2 7.1z',
  trash: 'M3 4.5h10M6 4.5v-2h4v2M4.5 4.5l.6 9h5.8l.6-9M7 7v4M9 7v4',
  warning: 'M8 2.5l6 11H2zM8 6.5v3.5M8 11.8h.01',
  info: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 7.3V11M8 5h.01',
  file: 'M4 2.5h5l3 3v8H4zM9 2.5v3h3',
  folder: 'M2 4h4.2l1.3 1.5H14V13H2z',
  user: 'M8 8a2.7 2.7 0 1 0 0-5.4A2.7 2.7 0 0 0 8 8zM3 13.5c.5-2.5 2.5-3.8 5-3.8s4.5 1.3 5 3.8',
  key: 'M6 10.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8.5 6.5L13.5 6.5v3M11 6.5V9',
  sun: 'M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM8 1.5v1.5M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M12.6 3.4l-1 1M4.4 11.6l-1 1',
  moon: 'M13 9.8A5.5 5.5 0 1 1 6.2 3 4.5 4.5 0 0 0 13 9.8z',
  screen: 'M2 3h12v8H2zM6 13.5h4M8 11v2.5',
  keyboard: 'M1.5 4h13v8h-13zM4 6.5h.01M6.7 6.5h.01M9.3 6.5h.01M12 6.5h.01M5 9.5h6',
  signout: 'M6.5 2.5h-4v11h4M6 8h8M11 5l3 3-3 3',
  chart: 'M2.5 2.5v11h11M5.5 11V8M8.5 11V5M11.5 11V7',
  network: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM2 8h12M8 2c2 1.8 2.6 3.8 2.6 6S10 12.2 8 14M8 2C6 3.8 5.4 5.8 5.4 8S6 12.2 8 14',
  host: 'M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01M8 5h3M8 11h3',
  code: 'M5.5 4.5L2 8l3.5 3.5M10.5 4.5L14 8l-3.5 3.5',
  account: 'M3 13.5v-11h6v11M9 6h4v7.5M1.5 13.5h13M5.2 5h1.6M5.2 8h1.6M5.2 11h1.6M11 8.8h.01M11 11h.01',
  shield: 'M8 2l5 1.8v3.7c0 3-2 5.2-5 6.5-3-1.3-5-3.5-5-6.5V3.8z',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, className = '' }: { name: IconName; className?: string }) {
  const filled = name === 'play' || name === 'stop';
  return (
    <svg className={`icon-svg ${className}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path
        d={PATHS[name]}
        fill={filled ? 'currentColor' : 'none'}
        stroke="currentColor"
        strokeWidth={name === 'more' ? 2.2 : 1.4}
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
