/** What is not seen, ends a line, or changes how the rest is seen. One character, so that nothing is remembered between two tests. */
export const unseen = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
