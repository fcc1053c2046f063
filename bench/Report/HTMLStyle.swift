/// The style sheet of the report, for light and dark displays.
enum HTMLStyle {
  static let css = """
    :root {
      --page: #f6f7f9; --card: #fff; --ink: #1b2330; --soft: #64708a; --line: #e3e7ee; --ramp: #eef1f6;
      --c1: #2f6fde; --c2: #e07a1f; --c3: #1f9d67; --c4: #d5354f; --c5: #7a55d8; --c6: #1796b0;
      --good: #17794c; --good-back: #dff5e9; --bad: #b3243c; --bad-back: #fde5e9;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --page: #12161d; --card: #1b212b; --ink: #e6eaf2; --soft: #93a0b8; --line: #2b3442; --ramp: #232b38;
        --c1: #6ea2ff; --c2: #f5a455; --c3: #4fd09a; --c4: #ff7188; --c5: #ab8dff; --c6: #4fc6dd;
        --good: #6fe0ab; --good-back: #163a2a; --bad: #ff93a5; --bad-back: #451c26;
      }
    }
    * { box-sizing: border-box; }
    body {
      margin: 0 auto; max-width: 1240px; padding: 28px 20px; background: var(--page); color: var(--ink);
      font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
    }
    h1 { font-size: 26px; margin: 0 0 4px; }
    header p, footer { color: var(--soft); margin: 0; }
    footer { margin-top: 24px; font-size: 13px; }
    .verdict { font-size: 14px; font-weight: 600; padding: 3px 10px; border-radius: 99px; vertical-align: 4px; }
    .good { color: var(--good); background: var(--good-back); }
    .bad { color: var(--bad); background: var(--bad-back); }
    .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 20px 0; }
    .tiles div, figure, article {
      background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; margin: 0;
    }
    .tiles h2, article h2 { font-size: 13px; font-weight: 600; color: var(--soft); margin: 0; }
    .tiles strong { display: block; font-size: 25px; font-weight: 650; line-height: 1.3; white-space: nowrap; }
    .tiles small { color: var(--soft); }
    .plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 500px), 1fr)); gap: 12px; }
    figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 4px 16px; margin-bottom: 8px; }
    .legend span { margin-left: 14px; color: var(--soft); font-size: 13px; white-space: nowrap; }
    .legend i { display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 6px; vertical-align: 4px; }
    svg { display: block; width: 100%; height: auto; }
    .grid { stroke: var(--line); stroke-width: 1; }
    .ramp { fill: var(--ramp); }
    .tick, .axis { fill: var(--soft); font-size: 12px; font-family: inherit; }
    path { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
    .hit { fill: transparent; }
    .s1 { stroke: var(--c1); } .s2 { stroke: var(--c2); } .s3 { stroke: var(--c3); }
    .s4 { stroke: var(--c4); } .s5 { stroke: var(--c5); } .s6 { stroke: var(--c6); }
    .f1 { fill: var(--c1); } .f2 { fill: var(--c2); } .f3 { fill: var(--c3); }
    .f4 { fill: var(--c4); } .f5 { fill: var(--c5); } .f6 { fill: var(--c6); }
    .c1 { background: var(--c1); } .c2 { background: var(--c2); } .c3 { background: var(--c3); }
    .c4 { background: var(--c4); } .c5 { background: var(--c5); } .c6 { background: var(--c6); }
    .tables { columns: 2 500px; column-gap: 12px; margin-top: 12px; }
    article { break-inside: avoid; margin-bottom: 12px; }
    article > div { overflow-x: auto; }
    table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
    th, td { text-align: right; padding: 5px 0 5px 14px; border-top: 1px solid var(--line); }
    th { border-top: 0; color: var(--soft); font-weight: 500; white-space: nowrap; }
    th:first-child, td:first-child { text-align: left; padding-left: 0; overflow-wrap: anywhere; }
    header p { overflow-wrap: anywhere; }
    @media (max-width: 620px) {
      body { padding: 16px 12px; }
      .tiles { grid-template-columns: 1fr 1fr; gap: 8px; }
      .tiles div, figure, article { padding: 10px 12px; }
      .tiles strong { font-size: 20px; }
      .legend span:first-child { margin-left: 0; }
      .tick, .axis { font-size: 21px; }
      .every-second { display: none; }
      article h2 { overflow-wrap: anywhere; }
      th, td { padding-left: 10px; }
      td:first-child { min-width: 9em; }
    }
    """
}
