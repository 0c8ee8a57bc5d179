/** The drawings of the app: 16 units square, drawn with lines in the colour of the text. */
const PATHS = {
  check: "M3.5 8.5l3 3 6-7",
  cross: "M4.5 4.5l7 7m0-7l-7 7",
  right: "M6 4l4 4-4 4",
  left: "M10 4L6 8l4 4",
  down: "M4 6l4 4 4-4",
  plus: "M8 3v10M3 8h10",
  search: "M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM10.5 10.5L14 14",
  link: "M6.5 9.5l3-3M7 4.5l1.2-1.2a2.8 2.8 0 0 1 4 4L11 8.5M9 11.5l-1.2 1.2a2.8 2.8 0 0 1-4-4L5 7.5",
  download: "M8 2.5v8M4.5 7.5L8 11l3.5-3.5M3 13.5h10",
  theme: "M8 2.5a5.5 5.5 0 1 1 0 11zM8 2.5a5.5 5.5 0 1 0 0 11",
  help: "M6 6a2 2 0 1 1 2.9 1.8C8.2 8.2 8 8.6 8 9.3M8 11.6v.1M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2z",
  stop: "M5 5h6v6H5z",
  text: "M3.5 4h9M3.5 7h9M3.5 10h6",
  image: "M2.5 3.5h11v9h-11zM2.5 10.5l3-3 3 3 2-2 3 3M10.5 6.2v.1",
  film: "M2.5 3.5h11v9h-11zM6.8 6v4l3.4-2z",
  data: "M6 3.5c-2 0-1 4-3 4.5 2 .5 1 4.5 3 4.5M10 3.5c2 0 1 4 3 4.5-2 .5-1 4.5-3 4.5",
  file: "M4 2.5h5l3 3v8H4zM9 2.5v3h3",
  branch: "M4.5 3v10M4.5 9.5c4 0 7-1 7-4.5M11.5 5V3.5",
  spark: "M8 2.5l1.4 4.1 4.1 1.4-4.1 1.4L8 13.5 6.6 9.4 2.5 8l4.1-1.4z",
  warning: "M8 2.5l6 11H2zM8 6.5v3.2M8 11.6v.1",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path
        d={PATHS[name]}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.4"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
