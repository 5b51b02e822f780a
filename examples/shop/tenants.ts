/** The ids are chosen so that their orders spread over the topic's three partitions. */
export const TENANTS = [
  { id: 'ac3e0000-0000-4000-8000-000000000001', name: 'Acme Household', domain: 'acme.example' },
  { id: 'b0ea0000-0000-4000-8000-000000000003', name: 'Borealis Outdoor', domain: 'borealis.example' },
  { id: 'c0ba0000-0000-4000-8000-000000000004', name: 'Cobalt Tools', domain: 'cobalt.example' },
] as const;

/** Who exists in every tenant; the address is `<user>@<domain>`. */
export const USERS = [
  { user: 'owner', displayName: 'Olga Owner', isStaff: true },
  { user: 'customer', displayName: 'Carl Customer', isStaff: false },
  { user: 'visitor', displayName: 'Vera Visitor', isStaff: false },
] as const;
