/** A server as one finds it in the middle of a day: for pictures, and for checks of whole pages. */
import { png } from "./png.mjs";

const CAMPAIGN = "bakery";
const POST = (number, headline, text) =>
  `# ${headline}\n\n${text}\n\n#lisbon #sourdough\n\n---\n*Post ${number}, composed without a language model.*\n`;

export async function scene(runs) {
  await finishedImport(runs);
  await ingestion(runs);
  await campaign(runs);
  await runs.create("nightly", { kind: "backup", name: "Nightly backup of the archive", state: "queued" });
  await runs.create("train", { kind: "training", name: "Fine-tune the ranking model" });
  await runs.publish("train", {
    type: "run.progressed",
    data: { stage: "Epoch 3", message: "loss 0.412", current: 3, total: null, unit: "epochs" },
  });
  await runs.create("approve", { kind: "workflow", name: "Publish the spring catalogue" });
  await runs.publish(
    "approve",
    { type: "run.progressed", data: { current: 4, total: 6, unit: "steps" } },
    { type: "run.waiting", data: { reason: "Waiting for Ana to approve the cover" } },
  );
  await runs.create("stopped", { kind: "agent", name: "Research competitors" });
  await runs.progress("stopped", 2, 9, "Reading 14 pages");
  await runs.cancel("stopped", { reason: "not needed any more" });
  await runs.publish("stopped", { type: "run.cancelled" });
  await runs.create("crawl", { kind: "agent", name: "Collect opening hours" });
  await runs.progress("crawl", 120, 480, "cafe-central.pt", { stage: "Visiting", unit: "pages" });
  await runs.cancel("crawl", { reason: "wrong city", grace_seconds: 3600 });
}

async function finishedImport(runs) {
  await runs.create("import", { kind: "import", name: "Import the price list" });
  await runs.progress("import", 812, 4_000, "row 812", { stage: "Checking", unit: "rows" });
  await runs.publish("import", {
    type: "run.failed",
    data: {
      error: {
        code: "bad_row",
        message: "Row 813 has a price of “twelve”, and a price is a number",
        details: { row: 813, column: "price" },
      },
    },
  });
}

async function ingestion(runs) {
  await runs.create("docs", { kind: "ingest", name: "github.com/example/handbook" });
  const stage = (name, more) => ({
    type: "run.created",
    run: `docs.${name}`,
    data: { kind: "stage", parent: "docs", ...more },
  });
  await runs.publish(
    "docs",
    stage("cloning", { name: "Cloning" }),
    stage("parsing", { name: "Parsing", weight: 3 }),
    stage("indexing", { name: "Indexing", weight: 2 }),
    { type: "run.started", run: "docs.cloning" },
    {
      type: "run.progressed",
      run: "docs.cloning",
      data: { current: 18_400_000, total: 18_400_000, unit: "bytes", message: "Received all objects" },
    },
    { type: "run.completed", run: "docs.cloning", data: { result: { objects: 20_412 } } },
    { type: "run.started", run: "docs.parsing" },
    {
      type: "run.progressed",
      run: "docs.parsing",
      data: {
        stage: "Parsing",
        current: 1_204,
        total: 3_000,
        unit: "files",
        message: "src/chapters/03-onboarding.md",
      },
    },
    { type: "run.progressed", data: { stage: "Parsing", message: "Parsing file 1204/3000" } },
    {
      type: "message.appended",
      data: {
        message: "note",
        role: "system",
        content: "Left out 14 files: they are larger than 1 MB.",
        final: true,
      },
    },
  );
  await runs.artifact(
    "docs",
    "summary.json",
    "application/json",
    JSON.stringify({ files: 3_000, languages: { Markdown: 2_412, TypeScript: 588 } }),
  );
}

async function campaign(runs) {
  await campaignJobs(runs);
  await campaignArtifacts(runs);
}

async function campaignJobs(runs) {
  const id = CAMPAIGN;
  const metadata = {
    business_description:
      "A bakery in Lisbon that ferments its bread for two days and sells out by noon. Guests are neighbours on weekdays and visitors at weekends.",
    objective: "More orders on weekday mornings",
    post_count: 6,
    generate_visuals: true,
  };
  await runs.create(id, { kind: "campaign", name: "More orders on weekday mornings", metadata });
  const child = (run, kind, parent, name) => ({ type: "run.created", run, data: { kind, parent, name } });
  await runs.publish(
    id,
    child("bakery:text", "text", id, "Posts"),
    child("bakery:image", "image", id, "Pictures"),
    child("bakery:video", "video", id, "Animation"),
    { type: "run.started", run: "bakery:text" },
    { type: "run.started", run: "bakery:image" },
    child("bakery:text:analysis", "agent", "bakery:text", "Analysis"),
    child("bakery:text:writing", "agent", "bakery:text", "Writing"),
    { type: "run.started", run: "bakery:text:analysis" },
    {
      type: "message.appended",
      run: "bakery:text:analysis",
      data: {
        message: "plan",
        role: "assistant",
        content: "The audience is at home before eight. Posts go out at seven, and say what is still warm.",
        final: true,
      },
    },
    { type: "run.completed", run: "bakery:text:analysis" },
    { type: "run.started", run: "bakery:text:writing" },
    {
      type: "run.progressed",
      run: "bakery:text:writing",
      data: { current: 3, total: 6, unit: "posts", stage: "Writing", message: "Post 4" },
    },
    {
      type: "run.progressed",
      run: "bakery:text",
      data: { stage: "Writing", message: "Writing post 4 of 6" },
    },
    {
      type: "run.progressed",
      run: "bakery:image",
      data: { current: 1, total: 4, unit: "pictures", message: "Drawing the picture of post 2" },
    },
  );
}

async function campaignArtifacts(runs) {
  const posts = [
    [
      "Warm at seven",
      "The first loaves leave the oven at seven. By noon they are gone. If you live around the corner, your breakfast is two minutes away.",
    ],
    [
      "Two days for one loaf",
      "Flour, water, salt, and forty-eight hours. Order before ten in the evening, and pick it up before work.",
    ],
    [
      "Wednesday is quiet",
      "No queue on Wednesdays: come in, sit down, and have the end of the loaf with butter, on us.",
    ],
  ];
  for (const [index, [headline, text]] of posts.entries()) {
    await runs.artifact(
      "bakery:text",
      `post-${index + 1}.md`,
      "text/markdown",
      POST(index + 1, headline, text),
      { type: "post", name: `post-${index + 1}.md` },
    );
  }
  await runs.artifact(
    "bakery:image",
    "post-1.png",
    "image/png",
    png(640, 400, [31, 111, 84], [240, 214, 150]),
    { type: "image", name: "post-1.png" },
  );
  await runs.publish(CAMPAIGN, {
    type: "artifact.pending",
    run: "bakery:image",
    data: { artifact: "post-2.png", artifact_type: "image", name: "post-2.png", media_type: "image/png" },
  });
  await runs.publish(CAMPAIGN, {
    type: "artifact.pending",
    run: "bakery:text",
    data: { artifact: "post-4.md", artifact_type: "post", media_type: "text/markdown" },
  });
  await runs.publish(CAMPAIGN, {
    type: "artifact.appended",
    run: "bakery:text",
    data: { artifact: "post-4.md", chunk: "# Order tonight\n\nOrder before ten, and" },
  });
}
