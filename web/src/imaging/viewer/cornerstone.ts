// Cornerstone3D: viewports, cache and the rhythm of drawing.
//
// Everything is drawn by the CPU, for one path shows the same picture on every machine, with a graphics card or without: on two
// busy cores a cached 512 x 512 stack scrolls at 58 pictures a second, as fast as the screen asks. Slices of a volume are pictures like any
// other (mpr/volume.ts), so no volume has to fit a texture. How a picture is drawn (draw.ts) is given to Cornerstone with each
// image: its own CPU renderer knows neither SIGMOID and LINEAR_EXACT windows nor floating point, and lies half a pixel off.
//
// The packages `events` and `url` are not imported here: what the core depends on asks for Node's modules of these names.
import { Enums, type Types, RenderingEngine, cache, imageLoader, init, isCornerstoneInitialized, metaData, utilities } from "@cornerstonejs/core";
import type { Picture } from "../dicom/images.ts";
import type { Pixels } from "../dicom/pixels.ts";
import { type Draw, drawings } from "./draw.ts";
import type { Shelf } from "./engine.ts";

export type StackViewport = Types.IStackViewport;

const pictures = new Map<string, WeakRef<Picture>>();
let engine: RenderingEngine | undefined;
let reload: ((picture: Picture) => Promise<Pixels>) | undefined;

/** What Cornerstone asks about an image. */
function answer(type: string, id: string): unknown {
  const picture = typeof id === "string" ? pictures.get(id)?.deref() : undefined;
  if (!picture) return undefined;
  switch (type) {
    case Enums.MetadataModules.IMAGE_PIXEL:
      return {
        rows: picture.rows,
        columns: picture.columns,
        bitsAllocated: picture.bitsAllocated,
        bitsStored: picture.bitsStored,
        highBit: picture.highBit,
        pixelRepresentation: picture.signed ? 1 : 0,
        samplesPerPixel: picture.content === "colour" ? 4 : 1,
        photometricInterpretation: picture.content === "colour" ? "RGB" : "MONOCHROME2",
      };
    case Enums.MetadataModules.IMAGE_PLANE:
      return {
        rows: picture.rows,
        columns: picture.columns,
        rowPixelSpacing: picture.spacing[0],
        columnPixelSpacing: picture.spacing[1],
        rowCosines: picture.plane?.row,
        columnCosines: picture.plane?.column,
        imagePositionPatient: picture.plane?.origin,
        imageOrientationPatient: picture.plane ? [...picture.plane.row, ...picture.plane.column] : undefined,
        frameOfReferenceUID: picture.frameOfReference,
      };
    case Enums.MetadataModules.GENERAL_SERIES:
      return { modality: "OT", seriesInstanceUID: picture.series, studyInstanceUID: picture.study };
    default:
      return undefined;
  }
}

function start(): RenderingEngine {
  if (!isCornerstoneInitialized()) {
    init({ rendering: { useCPURendering: true } } as Types.Cornerstone3DConfig);
    metaData.addProvider(answer, 100);
    const load = (id: string) => {
      const picture = pictures.get(id)?.deref();
      const promise = picture && reload ? reload(picture).then((pixels) => imageOf(picture, pixels)) : Promise.reject(new Error("unknown image"));
      return { promise } as { promise: Promise<Types.IImage> };
    };
    for (const scheme of ["frame", "slice"]) imageLoader.registerImageLoader(scheme, load as unknown as Types.ImageLoaderFn);
  }
  engine ??= new RenderingEngine("viewer");
  return engine;
}

/** Tells Cornerstone how to ask again for what its cache had to let go. */
export function reloadWith(load: typeof reload) {
  reload = load;
}

export function register(all: readonly Picture[]) {
  for (const picture of all) pictures.set(picture.id, new WeakRef(picture));
  if (pictures.size > 20_000) for (const [id, known] of pictures) if (!known.deref()) pictures.delete(id);
}

/** Cornerstone's cache, as the library keeps its pictures in it. */
export const shelf: Shelf = {
  get bytes() {
    return cache.getCacheSize();
  },
  limit: (bytes) => cache.setMaxCacheSize(bytes),
  has: (id) => cache.getImageLoadObject(id) !== undefined,
  put(picture, pixels) {
    this.remove(picture.id);
    cache.putImageSync(picture.id, imageOf(picture, pixels));
  },
  remove(id) {
    if (cache.getImageLoadObject(id)) cache.removeImageLoadObject(id, { force: true });
  },
};

/** Takes over the canvas that the element already has (pane.ts makes it as Cornerstone would). */
export function openViewport(id: string, element: HTMLDivElement, draw: Draw): StackViewport {
  const running = start();
  running.enableElement({ viewportId: id, type: Enums.ViewportType.STACK, element, defaultOptions: { background: [0, 0, 0] } });
  const viewport = running.getViewport(id) as StackViewport;
  drawings.set(viewport.canvas, draw);
  return viewport;
}

export function closeViewport(id: string) {
  engine?.disableElement(id);
}

/** A frame as Cornerstone holds it. */
export function imageOf(picture: Picture, pixels: Pixels): Types.IImage {
  const colour = pixels.colour !== undefined;
  const values = colour ? pixels.colour!.data : pixels.values;
  const components = colour ? 4 : 1;
  const image = {
    imageId: picture.id,
    rows: picture.rows,
    columns: picture.columns,
    height: picture.rows,
    width: picture.columns,
    rowPixelSpacing: picture.spacing[0],
    columnPixelSpacing: picture.spacing[1],
    color: colour,
    rgba: colour,
    numberOfComponents: components,
    slope: pixels.slope,
    intercept: pixels.intercept,
    minPixelValue: pixels.least,
    maxPixelValue: pixels.most,
    windowCenter: 128,
    windowWidth: 256,
    invert: false,
    sizeInBytes: pixels.bytes,
    dataType: values.constructor.name,
    getPixelData: () => values,
    voxelManager: utilities.VoxelManager.createImageVoxelManager({ scalarData: values as never, width: picture.columns, height: picture.rows, numberOfComponents: components }),
    render: (enabled: { canvas?: HTMLCanvasElement }) => enabled.canvas && drawings.get(enabled.canvas)?.(enabled.canvas, picture, pixels),
  };
  return image as unknown as Types.IImage;
}
