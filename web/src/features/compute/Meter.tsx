/** How much of something is used, as a bar with the figures beside it. */
interface MeterProps {
  label: string;
  value: number | undefined;
  max: number;
  text: string;
  /** Another part of the whole, drawn behind: what is promised, beside what is used. */
  behind?: number;
  /** Being full is no trouble. */
  calm?: boolean;
}

const part = (value: number, max: number) => (max > 0 ? Math.max(0, Math.min(1, value / max)) : 0);

export function Meter({ label, value, max, text, behind, calm = false }: MeterProps) {
  const used = value === undefined ? 0 : part(value, max);
  const tone = calm ? '' : used > 0.95 ? 'full' : used > 0.8 ? 'high' : '';
  return (
    <span className="meter" role="img" aria-label={`${label}: ${text}`} title={`${label}: ${text}`}>
      <span className="meter-bar" aria-hidden="true">
        {behind !== undefined && <span className="meter-behind" style={{ width: `${part(behind, max) * 100}%` }} />}
        {used > 0 && <span className={`meter-used ${tone}`} style={{ width: `${used * 100}%` }} />}
      </span>
      <span className="meter-text" aria-hidden="true">
        {text}
      </span>
    </span>
  );
}
