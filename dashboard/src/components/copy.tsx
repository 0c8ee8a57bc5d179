import { useEffect, useState } from "react";
import { Icon } from "./icon";

/** Copies the address of this page, and says that it did. */
export function CopyLink() {
  const [said, say] = useState<"" | "Copied" | "Copy it from the address bar">("");
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => say(""), 2000);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = () => {
    // There is no clipboard on pages that came by plain HTTP from another machine.
    const copied = navigator.clipboard?.writeText(location.href) ?? Promise.reject();
    copied.then(
      () => say("Copied"),
      () => say("Copy it from the address bar"),
    );
  };
  return (
    <button type="button" className="button" onClick={copy}>
      <Icon name={said === "Copied" ? "check" : "link"} />
      <span aria-live="polite">{said || "Copy link"}</span>
    </button>
  );
}
