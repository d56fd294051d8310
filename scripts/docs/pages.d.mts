export declare function renderPages(): Promise<Readonly<Record<string, string>>>;
