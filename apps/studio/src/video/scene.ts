/** The moving chart: a scene that is drawn, for those who have no video at hand. Nothing is decoded. */

/** Size and length of the scene. */
export const scene = { width: 960, height: 540, rate: 30, seconds: 8 } as const;

type Context = OffscreenCanvasRenderingContext2D;

/**
 * Draws a moment of the scene, which repeats after its length: a turning star, bars of one to six pixels
 * that run, points of light on black, a ball.
 * @param context of a canvas of the scene's size
 * @param time seconds
 */
export function drawScene(context: Context, time: number): void {
  const { width, height, seconds } = scene;
  const turn = (2 * Math.PI * time) / seconds;
  context.fillStyle = "#17181c";
  context.fillRect(0, 0, width, height);
  star(context, 190, 200, 150, turn);
  bars(context, 370, 50, 540, 130, time);
  lights(context, 370, 200, 540, 150, turn);
  ball(context, 40, 380, width - 80, turn);
  context.fillStyle = "#e9e4da";
  context.font = "600 26px ui-sans-serif, system-ui, sans-serif";
  const text = "every window of space and time becomes one pixel of one frame";
  const run = context.measureText(text).width + 120;
  const left = width - ((time * 120) % (width + run));
  context.fillText(text, left, 512);
}

function star(context: Context, x: number, y: number, radius: number, turn: number): void {
  const rays = 36;
  context.fillStyle = "#f2efe9";
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = "#17181c";
  for (let i = 0; i < rays; i++) {
    const from = turn + (2 * Math.PI * i) / rays;
    context.beginPath();
    context.moveTo(x, y);
    context.arc(x, y, radius, from, from + Math.PI / rays);
    context.fill();
  }
}

function bars(context: Context, x: number, y: number, w: number, h: number, time: number): void {
  context.save();
  context.beginPath();
  context.rect(x, y, w, h);
  context.clip();
  context.fillStyle = "#8d8d90";
  context.fillRect(x, y, w, h);
  const each = w / 6;
  for (let period = 1; period <= 6; period++) {
    const from = x + (period - 1) * each;
    context.save();
    context.beginPath();
    context.rect(from, y, each - 6, h);
    context.clip();
    context.fillStyle = "#ffffff";
    const moved = Math.round(time * 15) % (2 * period);
    for (let at = -2 * period + moved; at < each; at += 2 * period) {
      context.fillRect(Math.round(from) + at, y, period, h);
    }
    context.restore();
  }
  context.restore();
}

function lights(context: Context, x: number, y: number, w: number, h: number, turn: number): void {
  context.fillStyle = "#000000";
  context.fillRect(x, y, w, h);
  for (let i = 0; i < 90; i++) {
    // Places that look scattered, the same in every run.
    const u = (i * 0.61803398875) % 1;
    const v = (i * 0.75487766625) % 1;
    const on = 0.35 + 0.65 * Math.abs(Math.sin(turn * (1 + (i % 3)) + i));
    context.fillStyle = `hsl(${(i * 47) % 360} 90% ${Math.round(72 * on)}%)`;
    const size = 1 + (i % 3);
    const sway = 10 * Math.sin(turn * 2 + i);
    context.fillRect(
      Math.round(x + 12 + u * (w - 24) + sway),
      Math.round(y + 6 + v * (h - 12)),
      size,
      size,
    );
  }
}

function ball(context: Context, x: number, y: number, w: number, turn: number): void {
  const at = x + 30 + ((1 - Math.cos(turn)) / 2) * (w - 60);
  const hop = 60 * Math.abs(Math.sin(turn * 4));
  context.fillStyle = "#f58b62";
  context.beginPath();
  context.arc(at, y + 70 - hop, 26, 0, 2 * Math.PI);
  context.fill();
}
