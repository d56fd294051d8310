export declare function renderErrors(source: string): string;
