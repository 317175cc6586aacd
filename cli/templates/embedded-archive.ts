import { generateTemplateArchive } from './embed.ts' with { type: 'macro' };

/** The templates as they were when the executable was compiled; see `generateTemplateArchive` for the shape. */
export const TEMPLATE_ARCHIVE: string = generateTemplateArchive();
