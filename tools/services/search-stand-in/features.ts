/** Experimental features, off until they are switched on. The stand-in knows one: filters of vectors need it. */
export interface Features {
  readonly multimodal: boolean;
}

export const noFeatures: Features = { multimodal: false };
