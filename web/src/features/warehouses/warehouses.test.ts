import { describe, expect, it } from 'vitest';
import { entriesOf, requestOf } from '../../api/permissions';
import { cleanTags, tagProblem } from './TagFields';

describe('permissions of a warehouse', () => {
  it('are one line each, with where they come from', () => {
    const entries = entriesOf([
      { user_name: 'a@b', display_name: 'Ana', all_permissions: [{ permission_level: 'IS_OWNER', inherited: false }] },
      { service_principal_name: '1-2', display_name: '1-2', all_permissions: [{ permission_level: 'CAN_USE', inherited: false }] },
      {
        group_name: 'admins',
        all_permissions: [{ permission_level: 'CAN_MANAGE', inherited: true, inherited_from_object: ['/sql/warehouses/'] }],
      },
    ]);
    expect(entries.map(({ kind, name, label, level, inheritedFrom }) => [kind, name, label, level, inheritedFrom])).toEqual([
      ['user_name', 'a@b', 'Ana', 'IS_OWNER', undefined],
      ['service_principal_name', '1-2', '', 'CAN_USE', undefined],
      ['group_name', 'admins', '', 'CAN_MANAGE', '/sql/warehouses/'],
    ]);
    expect(requestOf({ kind: 'group_name', name: 'users', level: 'CAN_USE' })).toEqual({ group_name: 'users', permission_level: 'CAN_USE' });
  });
});

describe('tags', () => {
  it('need a key, once', () => {
    expect(tagProblem([{ key: 'a', value: '' }, { key: '', value: '' }])).toBeUndefined();
    expect(tagProblem([{ key: ' ', value: 'x' }])).toMatch(/key/);
    expect(tagProblem([{ key: 'a', value: '1' }, { key: 'a ', value: '2' }])).toMatch(/once/);
    expect(cleanTags([{ key: ' a ', value: ' 1 ' }, { key: '', value: '' }])).toEqual([{ key: 'a', value: '1' }]);
  });
});
