// Frames of the ConvLSTM as pictures: pale for nothing, dark blue for full, the differentiated pixel framed.

const SCALE = 12; // canvas pixels a pixel

export function drawFrame(canvas: HTMLCanvasElement, values: ArrayLike<number>, [rows, columns]: [number, number], pixel: number | null): void {
  canvas.width = columns * SCALE;
  canvas.height = rows * SCALE;
  const context = canvas.getContext("2d")!;
  for (let place = 0; place < rows * columns; place++) {
    const share = Math.min(Math.max(values[place]!, 0), 1);
    context.fillStyle = `rgb(${240 - 232 * share} ${245 - 197 * share} ${250 - 143 * share})`;
    context.fillRect((place % columns) * SCALE, Math.floor(place / columns) * SCALE, SCALE, SCALE);
  }
  if (pixel !== null) {
    context.strokeStyle = "#d55e00";
    context.lineWidth = 2.5;
    context.strokeRect((pixel % columns) * SCALE + 1, Math.floor(pixel / columns) * SCALE + 1, SCALE - 2, SCALE - 2);
  }
}
