import { type FormEvent, useState } from "react";
import { useLocation } from "wouter";
import { useAddress } from "../../project";

/** Sends a form: what is under way, what went wrong, and where to go afterwards. */
export function useStart(start: (form: FormData) => Promise<string>) {
  const [pending, setPending] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [, navigate] = useLocation();
  const address = useAddress();
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setPending(true);
    setError(null);
    try {
      navigate(address(await start(new FormData(event.currentTarget))));
    } catch (error) {
      setError(error instanceof Error ? error.message : String(error));
      setPending(false);
    }
  };
  return { pending, error, submit };
}

/** The text of a field, without the white space around it. */
export function field(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value.trim() : "";
}
