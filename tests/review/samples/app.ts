export interface User<T> { //!
  id: string;
  find(id: string): Promise<T>;
}

export type Id = string | number; //!

declare module 'x' {
}

export enum Colour { //!
  Red,
}

@Component({
  selector: 'app-root',
})
export abstract class AppComponent<T> implements OnInit { //!
  constructor(private readonly http: HttpClient) {} //!

  public async load(id: Id): Promise<User<T>> { //!
    while (true) {
      return this.http.get(id);
    }
  }
}

const pick = <T, K extends keyof T>(value: T, key: K): T[K] => value[key]; //!
