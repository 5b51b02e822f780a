const SIDE = 240;

/** A picture of a product as SVG, drawn from its id and name alone: the same product always looks the same, and no two alike. */
export function drawPicture({ id, name }: { readonly id: string; readonly name: string }): string {
  const bytes = Buffer.from(id.replaceAll('-', ''), 'hex');
  const byte = (position: number): number => bytes[position] ?? 0;
  const hue = Math.round((byte(0) * 360) / 255);
  const shapes = [1, 4, 7].map((at) => {
    const [x, y, radius] = [byte(at), byte(at + 1), byte(at + 2)].map((value) => 40 + (value * 160) / 255);
    return `<circle cx="${round(x)}" cy="${round(y)}" r="${round((radius ?? 0) / 3)}"/>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIDE} ${SIDE}" role="img">
<title>${toXml(name)}</title>
<rect width="${SIDE}" height="${SIDE}" fill="hsl(${hue} 45% 88%)"/>
<g fill="hsl(${(hue + 150) % 360} 55% 45%)" fill-opacity="0.6">${shapes.join('')}</g>
<text x="50%" y="225" font-family="sans-serif" font-size="13" text-anchor="middle">${toXml(name)}</text>
</svg>
`;
}

const round = (value = 0): number => Math.round(value * 10) / 10;

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const toXml = (text: string): string => text.replace(/[&<>]/g, (letter) => ENTITIES[letter] ?? '');
