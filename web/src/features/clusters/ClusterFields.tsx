/** The form of a cluster, in the order in which it is thought of. */
import { useQuery } from '@tanstack/react-query';
import { useId, type ReactNode } from 'react';
import { usersQuery } from '../../app/people';
import { useSession } from '../../app/session';
import { TextArea, TextField, SelectField } from '../../ui/Fields';
import { TagFields } from '../warehouses/TagFields';
import type { Availability, Draft, Offer, Problems, Sizing } from './draft';
import { NodeTypeField } from './NodeTypeField';

export interface FieldsProps {
  draft: Draft;
  offer: Offer;
  problems: Problems;
  aws: boolean;
  set: (change: Partial<Draft>) => void;
}

export function ClusterFields(props: FieldsProps) {
  return (
    <>
      <General {...props} />
      <Hosts {...props} />
      {props.aws && <Cloud {...props} />}
      <Advanced {...props} />
    </>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  const id = useId();
  return (
    <section className="card" aria-labelledby={id}>
      <div className="card-head">
        <h2 id={id}>{title}</h2>
      </div>
      <div className="card-body stack">{children}</div>
    </section>
  );
}

function General({ draft, offer, problems, set }: FieldsProps) {
  const { workspace_admin } = useSession();
  const users = useQuery({ ...usersQuery, retry: false, enabled: workspace_admin && draft.mode === 'SINGLE_USER' });
  const list = useId();
  return (
    <Part title="General">
      <TextField label="Name" maxLength={100} autoFocus value={draft.name} problem={problems.name} onChange={(event) => set({ name: event.target.value })} />
      <div className="field-pair">
        <SelectField
          label="Access mode"
          hint={draft.mode === 'SINGLE_USER' ? 'One person, who may do with it what they like.' : 'Several people, each in a sandbox of their own.'}
          value={draft.mode}
          onChange={(event) => set({ mode: event.target.value as Draft['mode'] })}
        >
          <option value="SINGLE_USER">Single user</option>
          <option value="USER_ISOLATION">Standard (shared)</option>
        </SelectField>
        {draft.mode === 'SINGLE_USER' && (
          <>
            <TextField label="User" list={list} value={draft.user} problem={problems.user} onChange={(event) => set({ user: event.target.value })} />
            <datalist id={list}>
              {users.data?.map(({ userName, displayName }) => (
                <option key={userName} value={userName}>
                  {displayName}
                </option>
              ))}
            </datalist>
          </>
        )}
      </div>
      <SelectField label="Runtime version" problem={problems.runtime} value={draft.runtime} onChange={(event) => set({ runtime: event.target.value })}>
        {!offer.runtimes.some(({ key }) => key === draft.runtime) && <option value={draft.runtime}>{draft.runtime || 'Choose…'}</option>}
        {offer.runtimes.map(({ key, name }) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </SelectField>
    </Part>
  );
}

const SIZINGS: readonly [Sizing, string, string][] = [
  ['single', 'Single node', 'One host does everything'],
  ['fixed', 'Fixed number of workers', 'A driver, and always as many workers'],
  ['autoscale', 'Range of workers', 'Starts with the least; a resize takes it up to the most'],
];

function Hosts({ draft, offer, problems, set }: FieldsProps) {
  const name = useId();
  return (
    <Part title="Hosts">
      <fieldset className="choices">
        <legend className="field-label">Workers</legend>
        {SIZINGS.map(([key, label, text]) => (
          <label key={key} className="choice">
            <input type="radio" name={name} checked={draft.sizing === key} onChange={() => set({ sizing: key })} />
            <span>{label}</span>
            <span className="muted small">{text}</span>
          </label>
        ))}
      </fieldset>
      {draft.sizing === 'fixed' && <TextField label="Number of workers" inputMode="numeric" value={draft.workers} problem={problems.workers} onChange={(event) => set({ workers: event.target.value })} />}
      {draft.sizing === 'autoscale' && (
        <div className="field-pair">
          <TextField label="Workers, at least" inputMode="numeric" value={draft.min} onChange={(event) => set({ min: event.target.value })} />
          <TextField label="Workers, at most" inputMode="numeric" value={draft.max} problem={problems.range} onChange={(event) => set({ max: event.target.value })} />
        </div>
      )}
      <NodeTypeField
        label={draft.sizing === 'single' ? 'Node type' : 'Worker type'}
        types={offer.nodeTypes}
        value={draft.nodeType}
        problem={problems.nodeType}
        onChange={(nodeType) => set({ nodeType })}
      />
      {draft.sizing !== 'single' && (
        <NodeTypeField label="Driver type" types={offer.nodeTypes} value={draft.driverType} same="Same as workers" onChange={(driverType) => set({ driverType })} />
      )}
      <TextField
        label="Terminate after minutes without use"
        hint="0 means never."
        inputMode="numeric"
        value={draft.minutes}
        problem={problems.minutes}
        onChange={(event) => set({ minutes: event.target.value })}
      />
    </Part>
  );
}

const AVAILABILITY: readonly [Availability, string][] = [
  ['ON_DEMAND', 'On demand'],
  ['SPOT_WITH_FALLBACK', 'Spot, on demand where there is none'],
  ['SPOT', 'Spot only'],
];

function Cloud({ draft, offer, problems, set }: FieldsProps) {
  const zones = ['auto', ...offer.zones.filter((zone) => zone !== 'auto')];
  return (
    <Part title="AWS">
      <div className="field-pair">
        <SelectField label="Availability" hint="Spot hosts cost less; AWS may take them back." value={draft.availability} onChange={(event) => set({ availability: event.target.value as Availability })}>
          {AVAILABILITY.map(([key, label]) => (
            <option key={key} value={key}>
              {label}
            </option>
          ))}
        </SelectField>
        {draft.availability !== 'ON_DEMAND' && (
          <TextField
            label="First hosts on demand"
            hint="Beginning with the driver."
            inputMode="numeric"
            value={draft.firstOnDemand}
            problem={problems.firstOnDemand}
            onChange={(event) => set({ firstOnDemand: event.target.value })}
          />
        )}
      </div>
      <div className="field-pair">
        <SelectField label="Zone" value={draft.zone} onChange={(event) => set({ zone: event.target.value })}>
          {(zones.includes(draft.zone) ? zones : [draft.zone, ...zones]).map((zone) => (
            <option key={zone} value={zone}>
              {zone === 'auto' ? 'Any of the network' : zone}
            </option>
          ))}
        </SelectField>
        <TextField label="Disk, in GiB" placeholder="As the host has it" inputMode="numeric" value={draft.diskSize} problem={problems.diskSize} onChange={(event) => set({ diskSize: event.target.value })} />
      </div>
    </Part>
  );
}

function Advanced({ draft, problems, set }: FieldsProps) {
  return (
    <Part title="Advanced">
      <TagFields tags={draft.tags} onChange={(tags) => set({ tags })} />
      <Lines label="Spark configuration" hint="One a line: a key, a space, a value." value={draft.conf} problem={problems.conf} onChange={(conf) => set({ conf })} />
      <Lines
        label="Environment variables"
        hint="One a line: NAME=value. Whoever may attach to the cluster can read them."
        value={draft.environment}
        problem={problems.environment}
        onChange={(environment) => set({ environment })}
      />
    </Part>
  );
}

function Lines({ problem, ...rest }: { label: string; hint: string; value: string; problem: string | undefined; onChange: (value: string) => void }) {
  return (
    <div className="lines">
      <TextArea rows={4} {...rest} />
      {problem && (
        <span className="problem" role="alert">
          {problem}
        </span>
      )}
    </div>
  );
}
