/** The form of a cluster, in the order in which it is thought of. */
import { useQuery } from '@tanstack/react-query';
import { useId, type ReactNode } from 'react';
import { usersQuery } from '../../app/people';
import { useSession } from '../../app/session';
import { TextArea, TextField, SelectField } from '../../ui/Fields';
import { Icon } from '../../ui/Icon';
import { TagFields } from '../warehouses/TagFields';
import { isSpark, ofPool, type Availability, type Draft, type Offer, type Problems, type Sizing } from './draft';
import { NodeTypeField } from './NodeTypeField';
import { fieldOf, pairsSaid, sizingsOf, type Field, type Rules } from './policy';

export interface FieldsProps {
  draft: Draft;
  offer: Offer;
  problems: Problems;
  aws: boolean;
  /** Of the policy that was chosen. */
  rules: Rules;
  set: (change: Partial<Draft>) => void;
}

export function ClusterFields(props: FieldsProps) {
  return (
    <>
      <General {...props} />
      <Hosts {...props} />
      {props.aws && !ofPool(props.draft) && <Cloud {...props} />}
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

/** What was chosen stays a choice, whatever the policy says. */
const left = ({ allows }: Field, value: string) => (option: string) => option === value || allows === undefined || allows(option);

function General({ draft, offer, problems, rules, set }: FieldsProps) {
  const { workspace_admin } = useSession();
  const users = useQuery({ ...usersQuery, retry: false, enabled: workspace_admin && draft.mode === 'SINGLE_USER' });
  const list = useId();
  const [name, mode, user, runtime] = [fieldOf(rules, 'cluster_name'), fieldOf(rules, 'data_security_mode'), fieldOf(rules, 'single_user_name'), fieldOf(rules, 'spark_version', offer.runtimes)];
  const modes = MODES.filter(([key]) => left(mode, draft.mode)(key));
  const runtimes = offer.runtimes.filter(({ key }) => left(runtime, draft.runtime)(key));
  return (
    <Part title="General">
      {!name.hidden && <TextField label="Name" maxLength={100} autoFocus readOnly={name.fixed} hint={name.hint} value={draft.name} problem={problems.name} onChange={(event) => set({ name: event.target.value })} />}
      <div className="field-pair">
        {!mode.hidden && <SelectField
          label="Access mode"
          disabled={mode.fixed}
          hint={mode.fixed ? mode.hint : draft.mode === 'SINGLE_USER' ? 'One person, who may do with it what they like.' : 'Several people, each in a sandbox of their own.'}
          value={draft.mode}
          onChange={(event) => set({ mode: event.target.value as Draft['mode'] })}
        >
          {modes.map(([key, label]) => (
            <option key={key} value={key}>
              {label}
            </option>
          ))}
        </SelectField>}
        {draft.mode === 'SINGLE_USER' && !user.hidden && (
          <>
            <TextField label="User" readOnly={user.fixed} hint={user.hint} list={list} value={draft.user} problem={problems.user} onChange={(event) => set({ user: event.target.value })} />
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
      {!runtime.hidden && (
        <SelectField label="Runtime version" disabled={runtime.fixed} hint={runtime.hint} problem={problems.runtime} value={draft.runtime} onChange={(event) => set({ runtime: event.target.value })}>
          {!runtimes.some(({ key }) => key === draft.runtime) && <option value={draft.runtime}>{draft.runtime || 'Choose…'}</option>}
          {runtimes.map(({ key, name: text }) => (
            <option key={key} value={key}>
              {text}
            </option>
          ))}
        </SelectField>
      )}
    </Part>
  );
}

const MODES: readonly [Draft['mode'], string][] = [
  ['SINGLE_USER', 'Single user'],
  ['USER_ISOLATION', 'Standard (shared)'],
];

const SIZINGS: readonly [Sizing, string, string][] = [
  ['single', 'Single node', 'One host does everything'],
  ['fixed', 'Fixed number of workers', 'A driver, and always as many workers'],
  ['autoscale', 'Range of workers', 'As many as there is work for'],
];

function Hosts({ draft, offer, problems, rules, set }: FieldsProps) {
  const name = useId();
  const field = (path: string) => fieldOf(rules, path);
  const [number, least, most, minutes] = [field('num_workers'), field('autoscale.min_workers'), field('autoscale.max_workers'), field('autotermination_minutes')];
  const [worker, driver] = [field('node_type_id'), field('driver_node_type_id')];
  const sizings = sizingsOf(rules);
  return (
    <Part title="Hosts">
      {sizings.length > 1 && <fieldset className="choices">
        <legend className="field-label">Workers</legend>
        {SIZINGS.filter(([key]) => sizings.includes(key)).map(([key, label, text]) => (
          <label key={key} className="choice">
            <input type="radio" name={name} checked={draft.sizing === key} onChange={() => set({ sizing: key })} />
            <span>{label}</span>
            <span className="muted small">{text}</span>
          </label>
        ))}
      </fieldset>}
      {draft.sizing !== 'single' && !isSpark(draft.runtime) && (
        <p className="notice">
          <Icon name="info" />
          <span>This runtime computes on the driver; workers are there for code and stay at the least. Apache Spark uses them: choose its runtime version.</span>
        </p>
      )}
      {draft.sizing === 'fixed' && !number.hidden && <TextField label="Number of workers" readOnly={number.fixed} hint={number.hint} inputMode="numeric" value={draft.workers} problem={problems.workers} onChange={(event) => set({ workers: event.target.value })} />}
      {draft.sizing === 'autoscale' && (
        <div className="field-pair">
          {!least.hidden && <TextField label="Workers, at least" readOnly={least.fixed} hint={least.hint} inputMode="numeric" value={draft.min} onChange={(event) => set({ min: event.target.value })} />}
          {!most.hidden && <TextField label="Workers, at most" readOnly={most.fixed} hint={most.hint} inputMode="numeric" value={draft.max} problem={problems.range} onChange={(event) => set({ max: event.target.value })} />}
        </div>
      )}
      <PoolFields draft={draft} offer={offer} rules={rules} set={set} />
      {!worker.hidden && !ofPool(draft) && <NodeTypeField
        field={worker}
        label={draft.sizing === 'single' ? 'Node type' : 'Worker type'}
        types={offer.nodeTypes}
        value={draft.nodeType}
        problem={problems.nodeType}
        onChange={(nodeType) => set({ nodeType })}
      />}
      {draft.sizing !== 'single' && !driver.hidden && !ofPool(draft) && (
        <NodeTypeField field={driver} label="Driver type" types={offer.nodeTypes} value={draft.driverType} same="Same as workers" onChange={(driverType) => set({ driverType })} />
      )}
      {!minutes.hidden && <TextField
        label="Terminate after minutes without use"
        readOnly={minutes.fixed}
        hint={minutes.hint ?? '0 means never.'}
        inputMode="numeric"
        value={draft.minutes}
        problem={problems.minutes}
        onChange={(event) => set({ minutes: event.target.value })}
      />}
    </Part>
  );
}

function PoolFields({ draft, offer: { pools = [] }, rules, set }: Pick<FieldsProps, 'draft' | 'offer' | 'rules' | 'set'>) {
  const { instance_pool_id: workers = '', driver_instance_pool_id: driver = '', ...rest } = draft.rest;
  const [ofWorkers, ofDriver] = [fieldOf(rules, 'instance_pool_id'), fieldOf(rules, 'driver_instance_pool_id')];
  const typeOf = (id: string) => pools.find(({ instance_pool_id }) => instance_pool_id === id)?.node_type_id;
  const change = (pool: string, other: string) =>
    set({
      // For the summary; what is sent names the pool alone.
      nodeType: typeOf(pool) ?? draft.nodeType,
      driverType: typeOf(other || pool) ?? draft.driverType,
      rest: { ...rest, ...(pool ? { instance_pool_id: pool, ...(other ? { driver_instance_pool_id: other } : {}) } : {}) },
    });
  if ((pools.length === 0 && !workers) || ofWorkers.hidden) return null;
  return (
    <div className="field-pair">
      <PoolField label="Pool" none="No pool: hosts are made for the cluster" pools={pools} field={ofWorkers} value={workers} onChange={(id) => change(id, id ? driver : '')} />
      {workers && draft.sizing !== 'single' && !ofDriver.hidden && <PoolField label="Pool of the driver" none="The same" pools={pools} field={ofDriver} value={driver} onChange={(id) => change(workers, id)} />}
    </div>
  );
}

interface PoolFieldProps {
  label: string;
  none: string;
  pools: NonNullable<Offer['pools']>;
  field: Field;
  value: string;
  onChange: (id: string) => void;
}

function PoolField({ label, none, pools, field, value, onChange }: PoolFieldProps) {
  const options = pools.filter(({ instance_pool_id: id }) => left(field, value)(id));
  return (
    <SelectField label={label} disabled={field.fixed} hint={field.hint} value={value} onChange={(event) => onChange(event.target.value)}>
      <option value="">{none}</option>
      {value && !options.some(({ instance_pool_id: id }) => id === value) && <option value={value}>{value}</option>}
      {options.map(({ instance_pool_id: id, instance_pool_name: name, node_type_id: type, stats }) => (
        <option key={id} value={id}>
          {name} ({type}, {stats.idle_count} idle)
        </option>
      ))}
    </SelectField>
  );
}

const AVAILABILITY: readonly [Availability, string][] = [
  ['ON_DEMAND', 'On demand'],
  ['SPOT_WITH_FALLBACK', 'Spot, on demand where there is none'],
  ['SPOT', 'Spot only'],
];

function Cloud({ draft, offer, problems, rules, set }: FieldsProps) {
  const field = (name: string) => fieldOf(rules, `aws_attributes.${name}`);
  const [availability, first, zone, disk] = [field('availability'), field('first_on_demand'), field('zone_id'), field('ebs_volume_size')];
  const zones = ['auto', ...offer.zones.filter((one) => one !== 'auto')].filter(left(zone, draft.zone));
  if ([availability, first, zone, disk].every(({ hidden }) => hidden)) return null;
  return (
    <Part title="AWS">
      <div className="field-pair">
        {!availability.hidden && <SelectField label="Availability" disabled={availability.fixed} hint={availability.hint ?? 'Spot hosts cost less; AWS may take them back.'} value={draft.availability} onChange={(event) => set({ availability: event.target.value as Availability })}>
          {AVAILABILITY.filter(([key]) => left(availability, draft.availability)(key)).map(([key, label]) => (
            <option key={key} value={key}>
              {label}
            </option>
          ))}
        </SelectField>}
        {draft.availability !== 'ON_DEMAND' && !first.hidden && (
          <TextField
            label="First hosts on demand"
            readOnly={first.fixed}
            hint={first.hint ?? 'Beginning with the driver.'}
            inputMode="numeric"
            value={draft.firstOnDemand}
            problem={problems.firstOnDemand}
            onChange={(event) => set({ firstOnDemand: event.target.value })}
          />
        )}
      </div>
      <div className="field-pair">
        {!zone.hidden && <SelectField label="Zone" disabled={zone.fixed} hint={zone.hint} value={draft.zone} onChange={(event) => set({ zone: event.target.value })}>
          {(zones.includes(draft.zone) ? zones : [draft.zone, ...zones]).map((one) => (
            <option key={one} value={one}>
              {one === 'auto' ? 'Any of the network' : one}
            </option>
          ))}
        </SelectField>}
        {!disk.hidden && <TextField label="Disk, in GiB" readOnly={disk.fixed} hint={disk.hint} placeholder="As the host has it" inputMode="numeric" value={draft.diskSize} problem={problems.diskSize} onChange={(event) => set({ diskSize: event.target.value })} />}
      </div>
    </Part>
  );
}

function Advanced({ draft, problems, rules, set }: FieldsProps) {
  return (
    <Part title="Advanced">
      <TagFields tags={draft.tags} onChange={(tags) => set({ tags })} />
      <Said text={pairsSaid(rules, 'custom_tags')} />
      <Lines label="Spark configuration" hint="One a line: a key, a space, a value." value={draft.conf} problem={problems.conf} onChange={(conf) => set({ conf })} />
      <Said text={pairsSaid(rules, 'spark_conf')} />
      <Lines
        label="Environment variables"
        hint="One a line: NAME=value. Whoever may attach to the cluster can read them."
        value={draft.environment}
        problem={problems.environment}
        onChange={(environment) => set({ environment })}
      />
      <Said text={pairsSaid(rules, 'spark_env_vars')} />
    </Part>
  );
}

/** What the policy says of the pairs above. */
function Said({ text }: { text: readonly string[] }) {
  return text.length > 0 ? <p className="hint small muted">The policy: {text.join('; ')}.</p> : null;
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
