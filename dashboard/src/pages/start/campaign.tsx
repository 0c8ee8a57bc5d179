import { useMilepost } from "@milepost/react";
import { field, useStart } from "./start";
import { Submit } from "./submit";

export function CampaignForm() {
  const client = useMilepost();
  const { pending, error, submit } = useStart(async (form) => {
    const campaign = await client.startCampaign({
      business_description: field(form, "description"),
      objective: field(form, "objective"),
      post_count: Number(field(form, "posts")),
      generate_visuals: form.get("visuals") === "on",
    });
    return `/campaigns/${encodeURIComponent(campaign.campaign_id)}`;
  });
  return (
    <form className="form" onSubmit={submit}>
      <label className="field">
        <span>The business</span>
        <textarea
          name="description"
          rows={4}
          required
          maxLength={8000}
          placeholder="A bakery in Lisbon that ferments its bread for two days and sells out by noon"
        />
        <small>What it does, for whom, and what is special about it.</small>
      </label>
      <label className="field">
        <span>The objective</span>
        <input name="objective" required maxLength={2000} placeholder="More orders on weekday mornings" />
      </label>
      <div className="field-row">
        <label className="field">
          <span>Posts</span>
          <input name="posts" type="number" min={1} max={50} defaultValue={6} required />
        </label>
        <label className="check">
          <input name="visuals" type="checkbox" defaultChecked />
          Pictures and an animation as well
        </label>
      </div>
      <Submit word="Generate" pending={pending} error={error} />
    </form>
  );
}
