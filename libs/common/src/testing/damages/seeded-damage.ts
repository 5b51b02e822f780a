/** What may happen to a restored destination before its verification, and the probe that has to find it. */
export interface SeededDamage<Place> {
  readonly name: string;
  /** The probe that has to find it. */
  readonly use: string;
  /** `subject: problem` of the evidence, or a part of it that names the object; `{name}` stands for a name of the fixture. */
  readonly found: string;
  does(place: Place): Promise<unknown>;
  /** Where more than the one destination is changed. */
  undo?(place: Place): Promise<unknown>;
}

/** Those of a representative run: the first that each probe has to find. */
export const firstOfEachProbe = <D extends Pick<SeededDamage<never>, 'use'>>(damages: readonly D[]): readonly D[] =>
  damages.filter(({ use }, index) => damages.findIndex((each) => each.use === use) === index);
