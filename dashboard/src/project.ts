/** The project is part of every address, so that a link shows others the same thing. */
import { useCallback } from "react";
import { useSearch } from "wouter";
import { recall, remember } from "./storage";

export const DEFAULT_PROJECT = "default";

const KEY = "milepost.projects";
const REMEMBERED = 8;

export function useProject(): string {
  return new URLSearchParams(useSearch()).get("project") || DEFAULT_PROJECT;
}

/** Makes addresses within the current project. */
export function useAddress(): (path: string, query?: Record<string, string>) => string {
  const project = useProject();
  return useCallback((path, query) => address(path, project, query), [project]);
}

export function address(path: string, project: string, query: Record<string, string> = {}): string {
  const parameters = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== ""));
  if (project !== DEFAULT_PROJECT) parameters.set("project", project);
  const text = parameters.toString();
  return text ? `${path}?${text}` : path;
}

/** Where a run is shown: campaigns have a page of their own. */
export function runPath(run: { id: string; kind?: string }): string {
  return `/${run.kind === "campaign" ? "campaigns" : "runs"}/${encodeURIComponent(run.id)}`;
}

/** The projects that were looked at last, newest first. */
export function recentProjects(): string[] {
  try {
    const stored: unknown = JSON.parse(recall(KEY) ?? "[]");
    return Array.isArray(stored) ? stored.filter((name) => typeof name === "string") : [];
  } catch {
    return [];
  }
}

export function rememberProject(project: string): void {
  const others = recentProjects().filter((name) => name !== project);
  remember(KEY, JSON.stringify([project, ...others].slice(0, REMEMBERED)));
}
