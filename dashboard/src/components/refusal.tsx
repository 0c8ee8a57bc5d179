import type { MilepostError } from "@milepost/client";
import { type FormEvent, useState } from "react";
import { Link } from "wouter";
import { useAddress } from "../project";
import { useToken } from "../token";
import { Notice } from "./notice";

/** Why there is nothing to see, and what can be done about it. */
export function Refusal({ error, what }: { error: MilepostError; what: string }) {
  const address = useAddress();
  if (error.status === 401 || error.status === 403) return <TokenWanted refused={error.status === 403} />;
  if (error.status === 404) {
    return (
      <Notice page icon="search" title={`There is no ${what} of this name here`}>
        <p>It may be in another project, or it was deleted.</p>
        <Link href={address("/")}>See all runs</Link>
      </Notice>
    );
  }
  const unreachable = error.code === "unreachable";
  return (
    <Notice
      page
      icon="warning"
      tone="bad"
      title={unreachable ? "The server does not answer" : "The server refuses this"}
    >
      <p>{unreachable ? "It is tried again until it does." : error.message}</p>
      <p className="mono quiet">{error.code}</p>
    </Notice>
  );
}

function TokenWanted({ refused }: { refused: boolean }) {
  const [, setToken] = useToken();
  const [text, setText] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setToken(text.trim());
  };
  return (
    <Notice
      page
      icon="warning"
      title={refused ? "This token may not see that" : "This server asks for a token"}
    >
      <form className="form token-form" onSubmit={submit}>
        <label className="field">
          <span>Access token</span>
          <input
            type="password"
            value={text}
            onChange={(event) => setText(event.target.value)}
            autoComplete="off"
            required
          />
        </label>
        <div className="form-actions">
          <button type="submit" className="button button-main">
            Use it
          </button>
        </div>
        <p className="quiet">It is kept in this tab until you close it.</p>
      </form>
    </Notice>
  );
}
