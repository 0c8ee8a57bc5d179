import DOMPurify from "dompurify";
import { Marked } from "marked";
import { memo } from "react";

/** What text needs. No styles, no forms, nothing that loads, no addresses but of the web. */
const ALLOWED = {
  ALLOWED_TAGS: [
    "a",
    "b",
    "blockquote",
    "br",
    "code",
    "del",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
  ],
  ALLOWED_ATTR: ["href", "title", "start", "align"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|#)/i,
  ALLOW_DATA_ATTR: false,
  RETURN_TRUSTED_TYPE: true,
} as const;

/** Markup within Markdown is shown as it is written, so the sanitizer behind it has nothing to find. */
const marked = new Marked({ async: false, gfm: true, renderer: { html: ({ text }) => escaped(text) } });

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName === "A") {
    node.setAttribute("rel", "noopener noreferrer nofollow");
    node.setAttribute("target", "_blank");
  }
});

/** Text of others as formatted text. What is not in the list of harmless markup is dropped. */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  const html = marked.parse(text) as string;
  const clean = DOMPurify.sanitize(html, {
    ...ALLOWED,
    ALLOWED_TAGS: [...ALLOWED.ALLOWED_TAGS],
    ALLOWED_ATTR: [...ALLOWED.ALLOWED_ATTR],
  });
  // biome-ignore lint/security/noDangerouslySetInnerHtml: it is sanitized, and the page's policy takes nothing that is not
  return <div className="prose" dangerouslySetInnerHTML={{ __html: clean as unknown as string }} />;
});

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
